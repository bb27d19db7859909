"""Gibbs chains on torch tensors, for devices other than the CPU."""
