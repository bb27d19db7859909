"""A trained circuit without its layers: one product with the input."""
