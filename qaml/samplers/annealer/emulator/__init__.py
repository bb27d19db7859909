"""Emulated annealers."""
