"""Attacks: from a classifier and clean inputs to adversarial inputs."""

from qaml.attacks.base import ATTACKS, AttackPart, AttackResult, Target

__all__ = ["ATTACKS", "AttackPart", "AttackResult", "Target"]
