"""What every module that draws keeps: a generator of its own, and whether it is being trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Draws:
    """Random numbers that are drawn on the CPU, so that a seed means the same on every device."""

    _is_being_trained = False

    def start(self) -> None:
        """Make the generator, at seed 0."""
        self._generator = torch.Generator()
        self._generator.manual_seed(0)

    def reseed(self, seed: int) -> None:
        """Start the draws anew."""
        self._generator.manual_seed(seed)

    @contextmanager
    def trained(self) -> Iterator[None]:
        """Draw as in training inside the block, in training mode or not, so that inner attacks see the same noise."""
        self._is_being_trained = True
        try:
            yield
        finally:
            self._is_being_trained = False
