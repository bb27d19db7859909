"""Block Gibbs sampling: contrastive divergence, its persistent variant, and the chains that both (and others) run."""
