"""Numbers and sentences, for terminals, Markdown and JUnit."""
