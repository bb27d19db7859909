"""The matrices of the gates."""
