"""The layered family, two matrix products a layer."""
