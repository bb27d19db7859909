"""Embeddings of an RBM on an annealer."""
