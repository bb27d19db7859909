"""The observable behind layers with random rotations, averaged exactly over their draws."""
