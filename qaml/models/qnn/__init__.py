"""Quantum neural networks with noise layers, after Huang & Zhang 2023."""
