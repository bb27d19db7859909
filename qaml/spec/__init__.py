"""From the text of a spec file to a validated suite, with a position for every mistake."""
