"""The scale of logits at which cross-entropy tells an attacker where to go."""
