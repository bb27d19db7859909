"""Where modules that are not qaml's own meet qaml."""
