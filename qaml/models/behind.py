"""A network behind something else: what it draws is all that the whole draws."""

from __future__ import annotations

from torch import nn

from qaml.models.capabilities import is_randomised
from qaml.models.seeding import derive_seed, reseed


class Behind(nn.Module):
    """A module whose randomness is that of the ``classifier`` behind it."""

    classifier: nn.Module

    @property
    def is_randomised(self) -> bool:
        """Whether the classifier draws."""
        return is_randomised(self.classifier)

    def reseed(self, seed: int) -> None:
        """Start the classifier's draws anew."""
        reseed(self.classifier, derive_seed(seed, "classifier"))
