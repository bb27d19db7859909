"""The common base of circuits that decide by one measured wire."""
