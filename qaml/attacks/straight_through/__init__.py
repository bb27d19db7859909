"""Gradients through operations that have none: the identity in their place."""
