"""AutoAttack behind an adapter."""
