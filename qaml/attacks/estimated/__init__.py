"""Gradients that an attacker of a circuit estimates from expectation values."""
