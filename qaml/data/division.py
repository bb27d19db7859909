"""Examples of one set divided into training and test examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from qaml.types import Settings, Split

if TYPE_CHECKING:
    from qaml.types import IntArray


class HeldOut(Settings):
    """A random choice of test examples with the class shares kept; examples with equal inputs stay together."""

    test_share: float = Field(gt=0, lt=1)
    """Share of the examples that is for testing; every class keeps its share."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the random choice of test examples."""

    def divide(self, whole: Split) -> tuple[Split, Split]:
        """The training and the test examples, both in their original order."""
        from qaml.data.stratified import split_off_together

        return split_off_together(whole, self.test_share, self.seed)


def divide_at(whole: Split, test: IntArray) -> tuple[Split, Split]:
    """The examples that are not at these positions, and those that are, both in their original order."""
    import numpy as np

    from qaml.data.stratified import take

    return take(whole, np.setdiff1d(np.arange(len(whole)), test)), take(whole, np.sort(test))
