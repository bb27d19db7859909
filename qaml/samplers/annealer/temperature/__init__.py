"""The temperature of an annealer's samples."""
