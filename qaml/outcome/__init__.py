"""Light records of what was measured, drawn and decided, and the files that hold them."""
