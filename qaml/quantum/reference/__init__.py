"""The same circuits in PennyLane: the reference that every other path is checked against."""
