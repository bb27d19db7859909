"""Intervals and tests as functions of numbers, independent of claims."""
