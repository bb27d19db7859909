"""A plain torch module of the user's, with weights of the user's."""
