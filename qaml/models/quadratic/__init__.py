"""A quadratic classifier: the honest classical control of a collapsed variational circuit."""
