"""What circuits that decide by one measured wire have in common."""
