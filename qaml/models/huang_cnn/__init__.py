"""The convolutional network of Huang & Zhang 2023."""
