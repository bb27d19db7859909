"""Which examples of a dataset are attacked and scored, where a suite chooses them."""

from __future__ import annotations

from typing import Literal

from qaml.types import Settings
from qaml.vocab import Order


class Chosen(Settings):
    """The examples that are attacked and scored, in the order of which a number of them are the first."""

    split: Literal["train", "test"] = "test"
    """Split that they are from."""
    order: Order = "shuffled"
    """Order of the split's examples, unless they are permuted or chosen."""
    permute: int | None = None
    """Seed of a permutation of the split as in the file."""
    indices: tuple[int, ...] | None = None
    """Positions of examples in the original split, in this order."""

    @property
    def in_words(self) -> str:
        """What readers of a number must know; empty for test examples in one of the usual orders."""
        words = ["measured on training examples: it says what the model remembers"] if self.split == "train" else []
        if self.indices is not None:
            words.append(f"{len(self.indices)} examples are chosen by number, and are no sample")
        elif self.permute is not None:
            words.append(f"the examples come in the order of permutation {self.permute}")
        return "; ".join(words)
