"""Negative-phase samplers: estimates of an RBM's model average."""

from qaml.samplers.base import SAMPLERS, BoltzmannParameters, Moments, NegativePhase, SamplerPart

__all__ = ["SAMPLERS", "BoltzmannParameters", "Moments", "NegativePhase", "SamplerPart"]
