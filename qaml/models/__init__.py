"""Classifiers: torch modules from inputs to logits, and how each is trained. Models know no attack."""

from qaml.models.base import MODELS, Checkpoint, History, Hooks, ModelPart, Training

__all__ = ["MODELS", "Checkpoint", "History", "Hooks", "ModelPart", "Training"]
