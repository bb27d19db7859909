"""From states to expectation values."""
