"""HTML pages, and the folder that holds them."""
