"""Claim kinds: their fields, the cells that they need, and the rule of their verdict."""
