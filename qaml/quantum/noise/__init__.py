"""Noisy circuits in the Heisenberg picture, and the shots that a decision behind noise costs."""
