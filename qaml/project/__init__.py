"""What a person's project begins with, as ``qaml init`` writes it."""
