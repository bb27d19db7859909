"""Carlini & Wagner's attack within the box."""
