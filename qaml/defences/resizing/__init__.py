"""Random resizing and padding of images at inference."""
