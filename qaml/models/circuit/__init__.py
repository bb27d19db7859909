"""Circuits that a spec writes out, block by block."""
