"""A quadratic classifier: the classical control of a collapsed variational circuit."""
