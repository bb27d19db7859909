"""What a user of ``estimator`` might have in a file of their own, sound and otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

Array = NDArray[Any]


class Centroids:
    """The nearest class mean; ``answers`` is what it returns in place of labels."""

    def __init__(self, answers: Any = None) -> None:
        self.answers = answers

    def fit(self, inputs: Array, labels: Array) -> None:
        self.known = np.unique(labels)
        self.means = np.stack([inputs[labels == label].mean(0) for label in self.known])

    def predict(self, inputs: Array) -> Array:
        nearest: Array = self.known[((inputs[:, None] - self.means) ** 2).sum(2).argmin(1)]
        return nearest if self.answers is None else np.full(len(inputs), self.answers)


class Scores(Centroids):
    """Has probabilities, or what its arguments make of them."""

    def __init__(self, factor: float = 1.0, nan: bool = False) -> None:
        super().__init__()
        self.factor, self.nan = factor, nan

    def predict_proba(self, inputs: Array) -> Array:
        distances = -((inputs[:, None] - self.means) ** 2).sum(2)
        shares: Array = np.exp(distances - distances.max(1, keepdims=True))
        shares = self.factor * shares / shares.sum(1, keepdims=True)
        if self.nan:
            shares[0] = np.nan
        return shares


class Drawing(Scores):
    """Draws from numpy's global generator when it is fitted."""

    def fit(self, inputs: Array, labels: Array) -> None:
        super().fit(inputs, labels)
        self.means = self.means + np.random.normal(0, 0.1, self.means.shape)  # noqa: NPY002


class Unrepeatable(Scores):
    """Fitted twice, it is another one."""

    def fit(self, inputs: Array, labels: Array) -> None:
        super().fit(inputs, labels)
        self.means = self.means + np.random.default_rng().normal(0, 0.1, self.means.shape)


class Greedy(Scores):
    """Writes into what it is given."""

    def fit(self, inputs: Array, labels: Array) -> None:
        super().fit(inputs, labels)
        inputs[:] = 0

    def predict_proba(self, inputs: Array) -> Array:
        shares = super().predict_proba(inputs)
        inputs[:] = 0
        return shares


class Broken(Centroids):
    """Cannot be fitted."""

    def fit(self, inputs: Array, labels: Array) -> None:  # noqa: ARG002
        raise ZeroDivisionError("no data like these")


def pipeline(c: float = 1.0) -> Any:
    return make_pipeline(StandardScaler(), SVC(C=c))


def nothing() -> object:
    return object()
