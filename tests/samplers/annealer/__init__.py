"""Tests of the annealer."""
