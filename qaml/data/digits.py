"""The 8×8 handwritten digits that come with scikit-learn: the dataset that needs neither files nor network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from qaml.data.base import DatasetPart
from qaml.errors import DataError
from qaml.types import Bounds, Data, InputInfo, Split

N_EXAMPLES = 1797
INFO = InputInfo((1, 8, 8), tuple("0123456789"), Bounds(0.0, 1.0))


class Digits(DatasetPart):
    """1,797 grey images of 8×8 pixels, 0 … 16 in [0, 1] (Alpaydin & Kaynak 1998, UCI optical digits, test part)."""

    kind: Literal["digits"] = "digits"
    test: int = Field(500, ge=10, le=N_EXAMPLES - 10)
    """Number of test examples; the other ones are for training. Both keep the class shares."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the random choice of test examples."""

    def describe(self) -> InputInfo:
        """Inputs of shape (1, 8, 8) in [0, 1], ten classes."""
        return INFO

    def checksums(self) -> Mapping[str, str]:
        """SHA-256 of all images (1797, 8, 8) and labels (1797,) as uint8, in scikit-learn's order."""
        return {"digits": "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"}

    def read(self) -> Data:
        """All digits, split; ``indices`` count through scikit-learn's order, over both splits.

        Raises:
            DataError: the installed scikit-learn contains other digits.
        """
        import numpy as np
        from sklearn.datasets import load_digits

        from qaml.data.stratified import split_off

        images, labels = load_digits(return_X_y=True)
        raw = images.astype(np.uint8)
        found = hashlib.sha256(raw.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
        if found != self.checksums()["digits"]:
            raise DataError(
                f"the digits of the installed scikit-learn are not the ones declared (SHA-256 {found})",
                "reinstall scikit-learn",
            )
        inputs = (raw.reshape(-1, 1, 8, 8) / 16).astype(np.float32)
        whole = Split(inputs, labels.astype(np.int64), np.arange(len(labels), dtype=np.int64))
        return Data(*split_off(whole, self.test, self.seed), self.describe())
