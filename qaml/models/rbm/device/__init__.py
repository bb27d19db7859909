"""Updates of an RBM in torch, for devices other than the CPU."""
