"""Attacks that ask a classifier for answers alone, and may ask the device that a circuit is measured on."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from pydantic import Field

from qaml.attacks.base import NormedAttack


class Asking(NormedAttack):
    """Base of attacks that need no gradients, nor anything else of a model but its answers."""

    ask: Literal["circuit", "device"] = Field("circuit", exclude_if=lambda where: where == "circuit")
    """Where a model with a ``device`` in its ``inference`` is asked: the exact circuit, or the device, which draws
    shots and is paid for each answer."""

    @property
    def asks_device(self) -> bool:
        """Whether answers are those of a device."""
        return self.ask == "device"

    @property
    @abstractmethod
    def most_asked(self) -> int:
        """About how often each image is asked about at most, at all budgets together."""
