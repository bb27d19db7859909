"""Conformance checks that the author of a part runs."""
