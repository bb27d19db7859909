"""A support vector machine with a kernel, as a differentiable classifier."""
