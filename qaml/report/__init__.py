"""From outcomes to pages, Markdown and JUnit properties."""
