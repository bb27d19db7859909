"""The convolutional network of West et al. 2022."""
