"""Attacks that look for the smallest perturbation: DeepFool, Carlini–Wagner, HopSkipJump, the boundary attack."""
