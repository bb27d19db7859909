"""A user's folder of images, one folder a class, pinned by a digest of names and contents."""
