"""The class with the nearest mean."""
