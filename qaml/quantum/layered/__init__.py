"""Layered circuits (rotations on every wire, a chain of CZ) on the CPU: the fast path of variational classifiers."""
