"""A fitted estimator as a torch module without gradients, and how it is stored without being pickled.

An estimator has no plain format, and a pickle runs code when it is read. So the state dictionary holds what the
estimator was made from, its training data and seed, and its answers to some of them. Loading it fits again, and
checks that the second fit answers as the first one did.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import sklearn
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qaml.errors import PartError
from qaml.models.at_once import kept, lesson, resumed
from qaml.models.base import History, Hooks
from qaml.models.estimator.part import Estimator, Method
from qaml.models.factories import called
from qaml.models.seeding import derive_seed, seeded
from qaml.types import DoubleArray, FloatArray, InputInfo, IntArray, Split

LEAST = 1e-12
"""Smallest probability, whose logarithm is −27.6: a logit of −∞ would make attacks' differences NaN."""
ABSENT = -1e9
"""Logit of a class that the training data lacked, where logits are decision values."""
REMEMBERED = 64
"""Number of training examples whose answers are stored."""
RATED = 2000
"""Largest number of training examples on which loss and accuracy are measured."""
METHODS: tuple[Method, ...] = ("predict_proba", "decision_function", "predict")


class Recipe(NamedTuple):
    """Everything that a fitted estimator depends on; equal recipes give equal estimators.

    Attributes:
        part: factory and arguments.
        inputs: (n, n_features) float32.
        labels: (n,) int64.
        seed: seed of its draws.
    """

    part: Estimator
    inputs: FloatArray
    labels: IntArray
    seed: int

    def digest(self) -> str:
        """SHA-256 of all of it."""
        content = hashlib.sha256(f"{self.part.model_dump_json()} {self.seed} {self.inputs.shape}".encode())
        content.update(np.ascontiguousarray(self.inputs).tobytes())
        content.update(np.ascontiguousarray(self.labels).tobytes())
        return content.hexdigest()


class EstimatorClassifier(nn.Module):
    """An estimator's answers as logits, without gradients; zeros before it is fitted.

    Args:
        part: factory, arguments and method.
        info: description of the inputs.

    Raises:
        PartError: the factory makes no estimator.
    """

    def __init__(self, part: Estimator, info: InputInfo) -> None:
        super().__init__()
        self.part = part
        self.n_classes = info.n_classes
        self.method = _method_of(part, _made(part))
        self.estimator: Any = None
        self._recipe = Recipe(part, np.zeros((0, info.n_features), np.float32), np.zeros(0, np.int64), 0)
        self._answers = np.zeros((0, info.n_classes))

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, *shape) → logits (batch, n_classes).

        Raises:
            PartError: the estimator fails, or its answers have another shape or no numbers.
        """
        if self.estimator is None:
            return inputs.new_zeros((len(inputs), self.n_classes))
        flat = inputs.detach().flatten(1).to("cpu", torch.float32).numpy()
        return torch.from_numpy(self.logits(flat)).to(inputs)

    def logits(self, inputs: FloatArray) -> DoubleArray:
        """(n, n_features) → (n, n_classes)."""
        if not len(inputs):
            return np.zeros((0, self.n_classes))
        try:
            answers = np.asarray(getattr(self.estimator, self.method)(inputs.copy()))
        except Exception as error:
            name = f"'{self.method}' of {self.part.factory!r}"
            raise PartError(f"{name} failed: {type(error).__name__}: {error}") from error
        classes = _classes(self.estimator, self.n_classes)
        if self.method == "predict":
            return _of_labels(answers, len(inputs), self.n_classes, self.part.factory)
        if self.method == "decision_function":
            return _of_decisions(answers, len(inputs), classes, self.n_classes, self.part.factory)
        return _of_probabilities(answers, len(inputs), classes, self.n_classes, self.part.factory)

    def learn(self, recipe: Recipe) -> None:
        """Fit, and keep what a later fit is compared with.

        Raises:
            PartError: ``fit`` fails, or the answers are no logits.
        """
        self.estimator, self._recipe = _fitted_anew(recipe) if self.part.runs_foreign_code else _fitted(recipe), recipe
        self._answers = self.logits(recipe.inputs[:REMEMBERED])

    def state_dict(self, *args: Any, **options: Any) -> Any:  # noqa: ARG002
        """Training data, seed and some answers."""
        _, inputs, labels, seed = self._recipe
        arrays = {"inputs": inputs, "labels": labels, "seed": np.asarray(seed), "answers": self._answers}
        return {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **options: Any) -> Any:  # noqa: ARG002
        """Fit again, and compare.

        Raises:
            PartError: the answers are others.
        """
        inputs, labels, answers = (state_dict[name].cpu().numpy() for name in ("inputs", "labels", "answers"))
        if not len(labels):
            self.estimator = None
            return nn.modules.module._IncompatibleKeys([], [])
        self.learn(Recipe(self.part, inputs, labels, int(state_dict["seed"])))
        if not np.allclose(self._answers, answers, rtol=1e-4, atol=1e-5, equal_nan=True):
            raise PartError(
                f"the estimator of {self.part.factory!r}, fitted again to the same data with the same seed, answers "
                "differently",
                "its fit must depend on the data and on 'random_state' alone",
            )
        return nn.modules.module._IncompatibleKeys([], [])


def fit(module: nn.Module, data: Split, hooks: Hooks, seed: int) -> History:
    """Fit a classifier in place to all of the data, or take it from a checkpoint; see ``Estimator.fit``."""
    assert isinstance(module, EstimatorClassifier), "it was made by the part's build"
    if (history := resumed(module, hooks)) is not None:
        return history
    inputs, labels = lesson(module, data, hooks)
    draws = derive_seed(seed, "estimator") % 2**32
    module.learn(Recipe(module.part, inputs.flatten(1).numpy(), labels.numpy(), draws))
    module.eval()
    logits = module(inputs[:RATED])
    loss = nn.functional.cross_entropy(logits, labels[:RATED]).item()
    accuracy = (logits.argmax(1) == labels[:RATED]).double().mean().item()
    return kept(module, hooks, {"loss": [loss], "accuracy": [accuracy]})


class _Cached:
    """A recipe that is equal to another one with the same digest, so that a cache finds it."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe, self._digest = recipe, recipe.digest()

    def __hash__(self) -> int:
        return hash(self._digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Cached) and other._digest == self._digest


def _fitted(recipe: Recipe) -> Any:
    return _fitted_once(_Cached(recipe))


@lru_cache(maxsize=2)
def _fitted_once(cached: _Cached) -> Any:
    """The latest ones stay: consecutive steps ask for the same model, and predicting does not change it."""
    return _fitted_anew(cached.recipe)


def _fitted_anew(recipe: Recipe) -> Any:
    estimator = _made(recipe.part)
    _configure(estimator, recipe.seed)
    with _global_draws(recipe.seed), sklearn.config_context(assume_finite=False):
        try:
            estimator.fit(recipe.inputs.copy(), recipe.labels.copy())
        except Exception as error:
            name = recipe.part.factory
            raise PartError(
                f"'fit' of {name!r} failed: {type(error).__name__}: {error}", "check 'arguments'"
            ) from error
    return estimator


def _made(part: Estimator) -> Any:
    return called(part.resolved(), part.factory, part.arguments)


def _method_of(part: Estimator, estimator: Any) -> Method:
    """The method whose answers are used.

    Raises:
        PartError: the object cannot be fitted, or does not have it.
    """
    if not callable(_member(estimator, "fit")):
        raise PartError(f"factory {part.factory!r} returned a {type(estimator).__name__} without a method 'fit'")
    wanted = METHODS if part.answers is None else (part.answers,)
    found = next((name for name in wanted if callable(_member(estimator, name))), None)
    if found is None:
        raise PartError(f"the estimator of {part.factory!r} has no {' and no '.join(repr(name) for name in wanted)}")
    return found


def _member(estimator: Any, name: str) -> Any:
    """An attribute, or ``None``; scikit-learn hides methods that the settings do not support."""
    return getattr(estimator, name, None)


def _configure(estimator: Any, seed: int) -> None:
    """Set every ``random_state`` that is open, and one thread: others change results, and workers share the cores."""
    read, change = _member(estimator, "get_params"), _member(estimator, "set_params")
    if not callable(read) or not callable(change):
        return
    settings: dict[str, Any] = {}
    for name, value in read(deep=True).items():
        last = name.rpartition("__")[2]
        if last == "random_state" and value is None:
            settings[name] = seed
        elif last == "n_jobs" and value is not None:
            settings[name] = 1
    if settings:
        change(**settings)


@contextmanager
def _global_draws(seed: int) -> Iterator[None]:
    """Seed the global generators of numpy and torch, which estimators of users may draw from, and restore them."""
    before = np.random.get_state()  # noqa: NPY002
    with seeded(seed):
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002


def _classes(estimator: Any, n_classes: int) -> IntArray:
    """The labels of the answers' columns, of which training data may lack some."""
    known = _member(estimator, "classes_")
    return np.arange(n_classes) if known is None else np.asarray(known).astype(np.int64)


def _of_probabilities(answers: NDArray[Any], n: int, classes: IntArray, n_classes: int, name: str) -> DoubleArray:
    _check(answers, (n, len(classes)), f"'predict_proba' of {name!r}")
    shares = answers.astype(np.float64)
    known = shares[~np.isnan(shares).any(1)]
    if len(known) and (known.min() < -1e-6 or np.abs(known.sum(1) - 1).max() > 1e-3):
        raise PartError(
            f"'predict_proba' of {name!r} returned no probabilities: rows from {known.min():.3g} with sums up to "
            f"{known.sum(1).max():.3g}",
            "if they are scores, offer them as 'decision_function'",
        )
    logits = np.full((n, n_classes), np.log(LEAST))
    logits[:, classes] = np.log(np.clip(shares, LEAST, 1.0))
    return logits


def _of_decisions(answers: NDArray[Any], n: int, classes: IntArray, n_classes: int, name: str) -> DoubleArray:
    logits = np.full((n, n_classes), ABSENT)
    if len(classes) == 2 and answers.shape in ((n,), (n, 1)):  # one value, positive for the second class
        _check(answers, answers.shape, f"'decision_function' of {name!r}")
        half = answers.reshape(n).astype(np.float64) / 2
        logits[:, classes] = np.stack([-half, half], 1)
        return logits
    _check(answers, (n, len(classes)), f"'decision_function' of {name!r}")
    logits[:, classes] = answers.astype(np.float64)
    return logits


def _of_labels(answers: NDArray[Any], n: int, n_classes: int, name: str) -> DoubleArray:
    _check(answers, (n,), f"'predict' of {name!r}")
    labels = answers.astype(np.float64)
    is_label = (labels == np.round(labels)) & (labels >= 0) & (labels < n_classes)
    if not (is_label | np.isnan(labels)).all():
        wrong = labels[~is_label & ~np.isnan(labels)][0]
        raise PartError(f"'predict' of {name!r} returned {wrong:g}, expected labels from 0 to {n_classes - 1}")
    logits = np.full((n, n_classes), np.log(LEAST))
    logits[is_label, labels[is_label].astype(np.int64)] = 0.0
    logits[~is_label] = np.nan
    return logits


def _check(answers: NDArray[Any], shape: tuple[int, ...], what: str) -> None:
    if answers.shape != shape:
        raise PartError(
            f"{what} returned {answers.shape}, expected {shape}", "a value a class, in the order of classes_"
        )
    if answers.dtype.kind not in "biuf":
        raise PartError(f"{what} returned values of type {answers.dtype}, expected numbers")
