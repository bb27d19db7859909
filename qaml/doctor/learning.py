"""A short training run: whether a model learns anything in seconds, and if not, what would let it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from qaml.containment import error_in_words
from qaml.doctor.chart import Chart, Seen, seen
from qaml.doctor.datasets import is_chance
from qaml.doctor.patient import SEED, Patient
from qaml.errors import QamlError
from qaml.models.base import Hooks
from qaml.types import Split

SECONDS, SECONDS_AGAIN = 2.0, 0.5
"""Longest training run, and longest one with another learning rate or scale, of a processor's time: a machine that is
busy with something else must not change what is seen."""
STEPS, MOST_STEPS = 200, 2000
"""Number of steps of the optimiser, unless something is learned before; a part that reports no
loss, which would show where it goes, is given as many as are planned, up to the second number."""
CERTAIN = 1e-3
"""Chance of a share of right answers, at which a model has learned more than the most frequent class."""
HARDLY = 0.02
"""Share of the classes' entropy that counts: a loss that is below the entropy by more has learned something, and one
that would fall by more in the planned training, at the speed of the short one, may still."""
RATES = {"adam": (1e-3, 1e-2, 1e-4), "sgd": (1e-1, 1e-2, 1e-3)}
"""Learning rates that are tried, the usual ones first."""


class _Enough(BaseException):
    """Ends a training run from within its hooks; no handler of ``Exception`` holds it up."""


class Course(NamedTuple):
    """A short training run.

    Attributes:
        has_learned: whether it does better than the most frequent class, or its cross-entropy than any constant answer.
        accuracy: the larger one of the share of training examples that are right in evaluation mode, and of that in the
            last epoch of training.
        losses: mean loss of each epoch, where the part reports one.
        epochs: number of epochs, which may end in the middle of one.
        seconds: time that it took.
        is_cut: whether it was ended for its time.
    """

    has_learned: bool
    accuracy: float
    losses: tuple[float, ...]
    epochs: float
    seconds: float
    is_cut: bool

    @property
    def has_diverged(self) -> bool:
        """Whether a loss is not finite."""
        return not all(map(math.isfinite, self.losses))


class _Watch(Hooks):
    """Keeps the curves, and ends training when it has learned something or taken its time."""

    def __init__(self, labels: np.ndarray, seconds: float, epochs: int) -> None:
        self._enough = epochs
        self._n, self._majority = len(labels), np.bincount(labels).max() / len(labels)
        self._deadline = time.process_time() + seconds
        self.epochs = 0.0
        self.losses: list[float] = []
        self.accuracy = 0.0
        self.is_cut = False

    def progress(self, done: float, total: float, **values: float) -> None:  # noqa: ARG002
        """Note what training reports, and end it where that is enough."""
        self.epochs = done
        loss = values.get("loss", 0.0)
        if float(done).is_integer():
            self.accuracy = float(values.get("accuracy", 0.0))
            self.losses += [loss] if "loss" in values else []
            is_known = len(self.losses) >= self._enough or not math.isfinite(loss)
            if is_known or self.is_certain(self.accuracy):
                raise _Enough
        if time.process_time() > self._deadline:
            self.is_cut = True
            raise _Enough

    def is_certain(self, accuracy: float) -> bool:
        """Whether this share of the training examples is more than the most frequent class gets."""
        return not is_chance(round(accuracy * self._n), self._n, float(self._majority), CERTAIN)


def teach(patient: Patient, module: nn.Module, chart: Chart) -> bool:
    """Train the module for a moment; whether it has learned something, or may still."""
    chart.begin("a short training run")
    try:
        course = _run(patient, module, {}, 1.0, SECONDS)
    except QamlError as error:
        chart.add(seen("cannot_be_trained", error.message, error.hint))
        return False
    except Exception as error:
        chart.add(seen("cannot_be_trained", f"fit raises {error_in_words(error)}"))
        return False
    chart.fact(f"learns {course.accuracy:.0%} of {len(patient.train)} examples in {course.seconds:.1f} s")
    found = tuple(_explained(patient, course, chart))
    chart.add(*found)
    return not found


def _run(
    patient: Patient, module: nn.Module, changes: Mapping[str, Any], factor: float, seconds: float, steps: int = STEPS
) -> Course:
    """Train with other settings, or on inputs times a factor.

    Raises:
        Exception: training raised it.
    """
    split = patient.train
    if factor != 1.0:
        split = Split((split.inputs * np.float32(factor)).astype(np.float32), split.labels, split.indices)
    batches = -(-len(split) // patient.part.training.batch)
    short, planned = -(-steps // batches), _planned(patient)
    epochs = max(short, round(min(planned, MOST_STEPS) / batches))
    training = patient.part.training.model_copy(update={"epochs": epochs, **changes})
    part, watch = patient.part.model_copy(update={"training": training}), _Watch(split.labels, seconds, short)
    start = time.process_time()
    try:
        history = part.fit(module, split, patient.info, watch, SEED)
        watch.losses = list(history.get("loss", watch.losses))
    except _Enough:
        pass
    taken = time.process_time() - start
    module.eval()
    with torch.no_grad():
        logits = torch.cat([module(batch) for batch in torch.split(torch.from_numpy(split.inputs), 64)])
    answered = float((logits.argmax(1).cpu().numpy() == split.labels).mean())
    accuracy = max(watch.accuracy, answered)
    loss = float(nn.functional.cross_entropy(logits.double().cpu(), torch.from_numpy(split.labels)))
    has_learned = watch.is_certain(accuracy) or loss < (1 - HARDLY) * _entropy(split)
    return Course(has_learned, accuracy, tuple(watch.losses), watch.epochs, taken, watch.is_cut)


def _entropy(split: Split) -> float:
    """The smallest cross-entropy that the same answer for every input has."""
    shares = np.bincount(split.labels) / len(split)
    return -float(np.sum(shares[shares > 0] * np.log(shares[shares > 0])))


def _planned(patient: Patient) -> int:
    """Number of steps of the planned training."""
    return patient.part.training.epochs * -(-patient.n_train // patient.part.training.batch)


def _explained(patient: Patient, course: Course, chart: Chart) -> Iterator[Seen]:
    """Why nothing was learned; nothing where something was, or may still be."""
    if course.has_learned or _may_still(patient, course):
        return
    training = patient.part.training
    what = f"{course.accuracy:.0%} of {len(patient.train)} training examples are right after {course.epochs:.3g} epochs"
    if course.has_diverged:
        what = f"the loss is {course.losses[-1]} after {len(course.losses)} epochs"
    chart.begin("other learning rates and scales")
    for rate in () if patient.part.trains_at_once else RATES[training.optimiser]:
        if 1 / 3 < rate / training.lr < 3:
            continue
        if (other := _again(patient, {"lr": rate}, 1.0)) is not None and other.has_learned:
            message = f"{what} at a learning rate of {training.lr:g}; at {rate:g} {other.accuracy:.0%} are"
            yield seen("learning_rate", message, f"training: {{lr: {rate:g}}}")
            return
    for factor, words in ((255.0, "multiplied by 255"), (1 / 255, "divided by 255")):
        if (other := _again(patient, {}, factor)) is not None and other.has_learned:
            remedy = (
                "does the module divide by 255 what is in [0, 1] already?" if factor > 1 else "divide inputs by 255"
            )
            yield seen("input_scale", f"{what}; with inputs {words} {other.accuracy:.0%} are", remedy)
            return
    if course.has_diverged:
        yield seen("training_diverges", what)
    else:
        fall = f", the loss went from {course.losses[0]:.4g} to {course.losses[-1]:.4g}" if course.losses else ""
        yield seen("does_not_learn", what + fall)


def _again(patient: Patient, changes: Mapping[str, Any], factor: float) -> Course | None:
    try:
        return _run(patient, patient.part.build(patient.info, SEED), changes, factor, SECONDS_AGAIN, STEPS // 2)
    except Exception:
        return None  # it does not help, either


def _may_still(patient: Patient, course: Course) -> bool:
    """Whether the loss falls so fast that the planned training would make a difference; unknown counts as yes."""
    if course.has_diverged:
        return False
    if not course.losses or (course.is_cut and len(course.losses) < 4):
        batches = -(-len(patient.train) // patient.part.training.batch)
        return course.is_cut or course.epochs * batches < _planned(patient)
    losses = course.losses[len(course.losses) // 2 :]
    if len(losses) < 2:
        return False
    entropy = _entropy(patient.train)
    fall = (losses[0] - losses[-1]) / (len(losses) - 1)
    scale = patient.n_train / len(patient.train)  # an epoch of all examples has so many more steps
    return losses[-1] < 1.5 * entropy and fall * scale * patient.part.training.epochs > HARDLY * entropy
