"""The images that a detector flags, from its models' answers on clean images and on a mixture of adversarials."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qaml.attacks.elsewhere import as_seen_by, makers
from qaml.claims.detectors.base import Answers, DetectorPart
from qaml.errors import RunError
from qaml.judge.source import Detections
from qaml.types import BoolArray, DoubleArray, FloatArray, IntArray

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qaml.attacks.base import AttackPart


Arrays = Mapping[str, "NDArray[Any]"]
Runs = Sequence[Arrays]
"""``predictions.npz`` of each training run."""
POINTS = 101
"""Largest number of thresholds of a curve, besides the detector's own and 0."""


class Predictions(NamedTuple):
    """Functions that read predictions: (model) → runs on clean images, (model, attack) → runs on its adversarials."""

    clean: Callable[[str], Runs]
    attacked: Callable[[str, str], Runs]


def detect(detector: DetectorPart, attacks: Mapping[str, AttackPart], predictions: Predictions) -> Detections:
    """Apply the detector to clean images, and to the same number of attacked ones.

    Seed s of the detector uses training run s of each of its models; the model with the fewest runs sets the number of
    seeds. Every attacked image gets one (attack, budget), drawn uniformly with this seed. Budgets of 0 are left out.

    Raises:
        RunError: there is no budget above 0, or no image that all of the evidence has.
    """
    names = detector.mixture(attacks)
    n_seeds = min(len(predictions.clean(model)) for model in detector.models)
    indices = _shared_images(detector, attacks, predictions)
    clean, adversarial, fooling = [], [], []
    for seed in range(n_seeds):
        view = _View(predictions, indices, seed)
        mixed = _Mixture(view, names, detector.models[0])
        clean.append(detector.suspicion(_answers([view.clean(model) for model in detector.models])))
        adversarial.append(detector.suspicion(_answers([mixed.seen_by(model) for model in detector.models])))
        made_on = {name: makers(attacks, name) for name in names}
        fooling.append(mixed.fools(made_on))
    found = _flagged(detector.threshold, np.stack(clean), np.stack(adversarial), np.stack(fooling))
    models = dict.fromkeys((*detector.models, *(model for model, _ in detector.pairs(attacks))))
    return found._replace(heard=(*((model, None) for model in models), *detector.pairs(attacks)))


def _shared_images(detector: DetectorPart, attacks: Mapping[str, AttackPart], predictions: Predictions) -> IntArray:
    """Indices of the first images on which every model was evaluated, clean and under every attack."""
    pairs = detector.pairs(attacks)
    seen = [
        predictions.clean(model)[0]["indices"] for model in dict.fromkeys((*detector.models, *(m for m, _ in pairs)))
    ]
    seen += [predictions.attacked(*pair)[0]["indices"] for pair in pairs]
    shared: IntArray = seen[0]
    for other in seen[1:]:
        shared = shared[np.isin(shared, other)]
    if not len(shared):
        raise RunError("the detector's models saw no image in common", "evaluate them on the same images")
    return shared[: detector.images]


class _Seen(NamedTuple):
    """A model's answers to the shared images, each (n_epsilons, n), and the images' labels (n,)."""

    predicted: IntArray
    confidence: FloatArray
    labels: IntArray


class _View:
    """One seed of the evidence on the shared images; models with fewer training runs start again from their first."""

    def __init__(self, predictions: Predictions, indices: IntArray, seed: int) -> None:
        self._predictions = predictions
        self._indices = indices
        self._seed = seed

    def clean(self, model: str) -> _Seen:
        return self._at(self._predictions.clean(model))

    def attacked(self, model: str, attack: str) -> _Seen:
        return self._at(self._predictions.attacked(model, attack))

    def epsilons(self, model: str, attack: str) -> DoubleArray:
        return np.asarray(self._predictions.attacked(model, attack)[0]["epsilons"], dtype=np.float64)

    def generator(self) -> np.random.Generator:
        return np.random.default_rng(self._seed)

    def _at(self, runs: Runs) -> _Seen:
        arrays = runs[self._seed % len(runs)]
        order = np.argsort(arrays["indices"])
        columns = order[np.searchsorted(arrays["indices"], self._indices, sorter=order)]
        labels = arrays["labels"][columns]
        return _Seen(arrays["predicted"][:, columns], arrays["confidence"][:, columns], labels)


class _Mixture:
    """One (attack, budget) drawn for each image, the same for every model."""

    def __init__(self, view: _View, names: Sequence[str], model: str) -> None:
        self._view = view
        self._options = [
            (name, row)
            for name in names
            for row, epsilon in enumerate(view.epsilons(model, as_seen_by(name, model)))
            if epsilon > 0
        ]
        if not self._options:
            raise RunError("the detector's attacks have no budget above 0", "give one of them an 'epsilon'")
        n = len(view.clean(model).labels)
        self._drawn = view.generator().integers(len(self._options), size=n)

    def seen_by(self, model: str) -> _Seen:
        """The model's answers to the mixture, each (1, n)."""
        seen = {name: self._view.attacked(model, as_seen_by(name, model)) for name in dict(self._options)}
        columns = np.arange(len(self._drawn))
        labels = next(iter(seen.values())).labels
        predicted = np.stack([seen[name].predicted[row] for name, row in self._options])
        confidence = np.stack([seen[name].confidence[row] for name, row in self._options])
        return _Seen(predicted[self._drawn, columns][None], confidence[self._drawn, columns][None], labels)

    def fools(self, makers: Mapping[str, Sequence[str]]) -> BoolArray:
        """Whether all models that an adversarial was made on classify only the clean image correctly, (n,)."""
        fooled: BoolArray = np.zeros(len(self._drawn), dtype=bool)
        for option, (name, row) in enumerate(self._options):
            at = self._drawn == option
            every = at.copy()
            for maker in makers[name]:
                clean, seen = self._view.clean(maker), self._view.attacked(maker, as_seen_by(name, maker))
                every &= (clean.predicted[0] == clean.labels) & (seen.predicted[row] != seen.labels)
            fooled |= every
        return fooled


def _answers(seen: Sequence[_Seen]) -> Answers:
    return Answers(np.stack([one.predicted[0] for one in seen]), np.stack([one.confidence[0] for one in seen]))


def _flagged(threshold: float, clean: DoubleArray, adversarial: DoubleArray, fooling: BoolArray) -> Detections:
    """Flags and the curve over thresholds, from suspicions (seeds, n)."""
    thresholds = _thresholds(np.concatenate([clean.ravel(), adversarial.ravel()]), threshold)
    return Detections(
        adversarial=(adversarial >= threshold).astype(np.float32),
        clean=(clean >= threshold).astype(np.float32),
        fooling=fooling,
        thresholds=tuple(float(t) for t in thresholds),
        true_positives=tuple(float((adversarial >= t).mean()) for t in thresholds),
        false_positives=tuple(float((clean >= t).mean()) for t in thresholds),
    )


def _thresholds(suspicions: DoubleArray, own: float) -> DoubleArray:
    """Increasing thresholds, from one that flags all images to one that flags none, with 0 and the detector's own."""
    inner = np.quantile(suspicions, np.linspace(0, 1, POINTS), method="nearest")
    beyond = np.nextafter(suspicions.max(), np.inf)
    return np.unique(np.concatenate([inner, [0.0, own, beyond]]))
