"""Looks at what a model answers: before it is trained, what its code decides; afterwards, what weights decide."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from qaml.containment import error_in_words
from qaml.doctor.building import strange_outputs
from qaml.doctor.chart import Chart, Seen, seen
from qaml.doctor.patient import SEED, Asked
from qaml.errors import QamlError
from qaml.models.capabilities import is_randomised
from qaml.models.edge import Edge
from qaml.models.logits import has_answer, margins
from qaml.models.seeding import reseed, seeded
from qaml.run.repetition import Repetition, repeated
from qaml.run.steps.diagnose import look

MOST_CLASSES, MOST_LOGITS = 0.01, 0.05
"""Largest shares of images with another class, and with other logits, that are no fault (as ``answers_differ``)."""
MOST_ZERO, MOST_COARSE = 0.10, 0.05
SATURATED_GAP = 88.0
"""Gap between two logits beyond which softmax in float32 is exactly one."""


class Look(NamedTuple):
    """A look at a model's answers.

    Attributes:
        words: what is looked at.
        run: yields the faults.
        unless: faults that explain what it would see.
    """

    words: str
    run: Callable[[Asked], Iterator[Seen]]
    unless: frozenset[str] = frozenset()


def take(looks: tuple[Look, ...], asked: Asked, chart: Chart) -> None:
    """Take these looks in order, less those whose result is explained."""
    for each in looks:
        if each.unless & chart.names:
            continue
        chart.begin(each.words)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a run shows them; here they would hide the table
            try:
                chart.add(*each.run(asked))
            except Exception as error:
                chart.add(seen("fails_on_inputs", f"asked for {each.words} it raises {error_in_words(error)}"))


# --- what code decides


def _outputs(asked: Asked) -> Iterator[Seen]:
    yield from strange_outputs(asked.module, asked.patient)


def _finite(asked: Asked) -> Iterator[Seen]:
    lost = ~has_answer(torch.from_numpy(asked.logits())).numpy()
    if lost.any():
        yield seen("no_answer", f"{int(lost.sum())} of {len(lost)} images have no answer, the first is number "
                   f"{int(asked.patient.test.indices[int(lost.argmax())])}")  # fmt: skip


def _mode(asked: Asked) -> Iterator[Seen]:
    asked.module.eval()
    asked.logits()
    inner = asked.bare.module if isinstance(asked.bare, Edge) else asked.bare
    left = [f"{name or 'the module itself'} ({type(each).__name__})" for name, each in inner.named_modules()
            if each.training and not any(True for _ in each.children())]  # fmt: skip
    if left:
        yield seen("training_mode", f"after eval() {len(left)} layers are in training mode, such as {left[0]}")


def _stays(asked: Asked) -> Iterator[Seen]:
    before = {name: value.clone() for name, value in _state(asked.bare).items()}
    asked.logits()
    moved = [name for name, value in _state(asked.bare).items() if not torch.equal(value, before[name])]
    if moved:
        yield seen("weights_change", f"a forward pass in evaluation mode changes {moved[0]!r}")


def _state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value for name, value in module.state_dict().items() if isinstance(value, Tensor)}


def _repeats(asked: Asked) -> Iterator[Seen]:
    inputs = asked.inputs.numpy()
    reseed(asked.module, SEED)
    with seeded(SEED):
        predicted = asked.logits().argmax(1)
    if is_randomised(asked.module):
        predicted = np.full(len(inputs), -1)
    found = repeated(asked.module, inputs, inputs, predicted, SEED, "cpu")
    if _differs(found.classes_again, found.logits_again, found):
        what = f"the same batch again: {found.logits_again} of {found.n} images have other logits"
        yield seen("answers_differ", f"{what}, {found.classes_again} another class")
    elif _differs(found.classes_apart, found.logits_apart, found):
        what = f"in other batches {found.logits_apart} of {found.n} images have other logits"
        yield seen("depends_on_batch", f"{what}, {found.classes_apart} another class")


def _differs(classes: int, logits: int, found: Repetition) -> bool:
    return classes > MOST_CLASSES * found.n or logits > MOST_LOGITS * found.n


def _probabilities(asked: Asked) -> Iterator[Seen]:
    logits = asked.logits()
    if logits.min() < 0 or np.abs(logits.sum(1) - 1).max() > 1e-3:
        return
    if np.isin(logits, (0.0, 1.0)).all():
        yield seen("outputs_are_classes", "every output row is a one and zeros")
    else:
        yield seen(
            "outputs_are_probabilities", f"every output row sums to one, the smallest value is {logits.min():.2g}"
        )


def _slope(asked: Asked) -> Iterator[Seen]:
    """Whether logits have a gradient in the inputs at all."""
    if not asked.patient.part.has_gradients:
        return
    leaf = asked.inputs[:4].clone().requires_grad_(True)
    reseed(asked.module, SEED)
    try:
        with torch.enable_grad():
            logits = asked.module(leaf)
        gradient = torch.autograd.grad(logits.sum(), leaf, allow_unused=True)[0] if logits.requires_grad else None
    except QamlError as error:
        yield seen("no_gradients", error.message, error.hint)
        return
    except Exception as error:
        yield seen("no_gradients", f"backpropagation raises {error_in_words(error)}")
        return
    if gradient is None:
        yield seen("no_gradients", "backpropagation does not reach the inputs")


CODE_LOOKS = (
    Look("real inputs", _outputs),
    Look("finite logits", _finite, frozenset({"fails_on_inputs", "wrong_outputs", "channels_last", "fixed_batch"})),
)
"""Looks without which no other one makes sense."""
STRUCTURE_LOOKS = (
    Look("evaluation mode", _mode),
    Look("buffers", _stays, frozenset({"training_mode"})),
    Look("the same inputs again", _repeats, frozenset({"training_mode", "weights_change"})),
    Look("probabilities", _probabilities),
    Look("a slope", _slope, frozenset({"outputs_are_classes"})),
)
"""Looks at what the code decides, with any weights."""


# --- what weights decide


def _constant(asked: Asked) -> Iterator[Seen]:
    logits = asked.logits()
    if np.ptp(logits, axis=0).max() <= 1e-6 * max(float(np.abs(logits).max()), 1e-30):
        shown = ", ".join(f"{value:.3g}" for value in logits[0][:5])
        yield seen("constant_outputs", f"{len(logits)} images all get the logits {shown}")


def _gradients(asked: Asked) -> Iterator[Seen]:
    if not asked.patient.part.has_gradients:
        return
    reseed(asked.module, SEED)
    found = look(asked.module, asked.inputs, asked.labels)
    if int(found["non_finite"]):
        yield seen("nan_gradients", f"{int(found['non_finite'])} of {len(asked.labels)} images have no finite gradient")
        return
    zero = float(found["zero_gradient"].mean())
    if zero > MOST_ZERO:
        yield seen("zero_gradients", f"{zero:.0%} of {len(asked.labels)} images have a gradient of exactly zero")


def _resolution(asked: Asked) -> Iterator[Seen]:
    if not asked.patient.part.has_gradients:
        return  # votes and neighbours may tie
    logits = asked.logits()
    coarse = float(margins(logits).is_below.mean())
    if coarse > MOST_COARSE:
        yield seen("coarse_logits", f"rounding decides {coarse:.0%} of {len(logits)} images, at logits of "
                   f"{np.abs(logits).max():.3g}")  # fmt: skip
        return
    gap = float(np.median(margins(logits).margin))
    if asked.patient.is_foreign and gap > SATURATED_GAP:
        yield seen("saturated_logits", f"the two largest logits differ by {gap:.3g} in the median")


def _saved(asked: Asked) -> Iterator[Seen]:
    """Whether the state dictionary holds all that answers depend on."""
    patient = asked.patient
    if not patient.is_foreign:
        return
    again = patient.part.build(patient.info, SEED + 1)
    try:
        again.load_state_dict({name: value.clone() for name, value in _state(asked.bare).items()})
    except QamlError as error:
        yield seen("state_not_saved", error.message, error.hint)
        return
    other = patient.asked(again, len(asked.inputs))
    reseed(asked.module, SEED)
    first = asked.logits()
    reseed(other.module, SEED)
    if not np.allclose(first, other.logits(), rtol=1e-3, atol=1e-5):
        yield seen("state_not_saved", "built again and given its weights, it gives other logits")


WEIGHT_LOOKS = (
    Look("the same logits everywhere", _constant),
    Look("gradients", _gradients, frozenset({"constant_outputs", "no_gradients", "outputs_are_classes"})),
    Look("the size of logits", _resolution, frozenset({"constant_outputs", "outputs_are_classes"})),
    Look("its state", _saved, frozenset({"answers_differ", "weights_change", "training_mode", "depends_on_batch"})),
)
"""Looks at what weights decide: after training, or with the model's own ones."""
