"""A user's plain torch module, with the user's weights."""
