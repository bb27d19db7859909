"""Quanvolutional networks of Henderson et al. 2019: circuits over the patches of an image in front of a network."""
