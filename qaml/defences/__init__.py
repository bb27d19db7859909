"""Defences, which change training, data or inference to resist attacks."""

from qaml.defences.base import DEFENCES, Craft, DefencePart, ForTraining

__all__ = ["DEFENCES", "Craft", "DefencePart", "ForTraining"]
