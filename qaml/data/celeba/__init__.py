"""CelebA, from a copy that the user obtained: its licence forbids shipping it."""
