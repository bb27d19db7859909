"""Circuits and their simulation."""
