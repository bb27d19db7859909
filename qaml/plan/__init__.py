"""From a suite and a profile to the directed acyclic graph of steps that its claims need, with their keys."""
