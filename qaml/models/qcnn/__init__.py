"""The quantum convolutional network, after Cong, Choi & Lukin 2019."""
