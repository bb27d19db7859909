"""Gradient attacks within a budget: FGSM, BIM, PGD, MIM."""
