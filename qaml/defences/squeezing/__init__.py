"""Feature squeezing: fewer bits a pixel."""
