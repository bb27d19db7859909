"""Reports of outcomes: pages, Markdown and JUnit properties."""
