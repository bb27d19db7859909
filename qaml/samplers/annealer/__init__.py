"""The annealer as a negative-phase sampler: Ising problems, embeddings, Ocean's composites, emulated hardware."""
