"""The small tables that come with scikit-learn: iris, wine and breast cancer; neither files nor network."""

from __future__ import annotations

import hashlib
from abc import ABC
from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from qaml.data.base import DatasetPart
from qaml.data.division import HeldOut
from qaml.errors import DataError
from qaml.types import Bounds, Data, InputInfo, Split


class Toy(DatasetPart, ABC):
    """Measurements in a table, in their own units; transforms scale them."""

    test_share: float = Field(0.2, gt=0, lt=1)
    """Share of the examples that is for testing; every class keeps its share, and equal examples stay together."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the random choice of test examples."""

    declared_info: ClassVar[InputInfo]
    sha256: ClassVar[str]
    """SHA-256 of all inputs as little-endian float64 and labels as uint8, in scikit-learn's order."""

    def describe(self) -> InputInfo:
        """One row of measurements; the bounds are zero and the largest of all of them, rounded up."""
        return self.declared_info

    def checksums(self) -> Mapping[str, str]:
        """SHA-256 of all inputs and labels."""
        return {self.kind: self.sha256}

    def read(self) -> Data:
        """All examples, split; ``indices`` count through scikit-learn's order, over both splits.

        Raises:
            DataError: the installed scikit-learn contains other examples.
        """
        import numpy as np
        from sklearn import datasets

        load = {"iris": datasets.load_iris, "wine": datasets.load_wine, "breast_cancer": datasets.load_breast_cancer}
        inputs, labels = load[self.kind](return_X_y=True)
        found = hashlib.sha256(inputs.astype("<f8").tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
        if found != self.sha256:
            raise DataError(
                f"{self.kind} of the installed scikit-learn is not the one declared (SHA-256 {found})",
                "reinstall scikit-learn",
            )
        indices = np.arange(len(labels), dtype=np.int64)
        whole = Split(inputs.astype(np.float32), labels.astype(np.int64), indices)
        return Data(*HeldOut(test_share=self.test_share, seed=self.seed).divide(whole), self.describe())


class Iris(Toy):
    """150 flowers of three species: lengths and widths of sepal and petal in cm (Fisher 1936).

    Two flowers of the third species have the same measurements; they stay together.
    """

    kind: Literal["iris"] = "iris"
    declared_info: ClassVar[InputInfo] = InputInfo((4,), ("setosa", "versicolor", "virginica"), Bounds(0.0, 8.0))
    sha256: ClassVar[str] = "b6ae2f075937fb96b4d06f56b6b12a23dcf0db8d27f41824f0fa7ca6e8559b4c"


class Wine(Toy):
    """178 wines from three growers: 13 chemical measurements each, in units of their own (Forina et al. 1988)."""

    kind: Literal["wine"] = "wine"
    declared_info: ClassVar[InputInfo] = InputInfo((13,), ("class_0", "class_1", "class_2"), Bounds(0.0, 1680.0))
    sha256: ClassVar[str] = "8ab3beb6aa5b46bd8cf2bd6e4cce18804475aaab9e12dd4ec8684b893ddaecf9"


class BreastCancer(Toy):
    """569 tumours, malignant or benign: 30 properties of their cells' nuclei (Street, Wolberg & Mangasarian 1993)."""

    kind: Literal["breast_cancer"] = "breast_cancer"
    declared_info: ClassVar[InputInfo] = InputInfo((30,), ("malignant", "benign"), Bounds(0.0, 4254.0))
    sha256: ClassVar[str] = "3a54a12ffd3db348fbe319a9056329cde28da5b2e5ecc26ff7fb9f54aa7cc9f4"
