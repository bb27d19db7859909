"""An attacker's access to a classifier: what every attack does before and after its own work."""
