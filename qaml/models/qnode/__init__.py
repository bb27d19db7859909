"""A QNode of PennyLane that a user's function makes."""
