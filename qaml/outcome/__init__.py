"""Light records of measurements, drawings and decisions, and the files that hold them."""
