"""The planted-adversarial test of an attack."""
