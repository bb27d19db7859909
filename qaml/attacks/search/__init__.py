"""A projected ascent with any loss and any source of gradients, for the diagnostics' own attacks."""
