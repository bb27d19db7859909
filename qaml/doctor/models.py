"""The examination of one model: built, asked, taught or weighed, measured, in this order and in seconds."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from qaml.doctor.answers import CODE_LOOKS, STRUCTURE_LOOKS, WEIGHT_LOOKS, Look, take
from qaml.doctor.building import built
from qaml.doctor.chart import Chart, Seen, seen
from qaml.doctor.learning import teach
from qaml.doctor.memory import available
from qaml.doctor.patient import LOOKED_AT, SEED, Asked, Patient
from qaml.doctor.weights import examine_weights

UNANSWERING = frozenset({"no_answer", "fails_on_inputs", "wrong_outputs", "channels_last", "fixed_batch"})
"""Faults with which nothing else can be asked."""
UNTEACHABLE = frozenset({"no_gradients", "outputs_are_classes", "weights_change"})
"""Faults that explain all that training would show."""
ASKED, LEAST = 64, 8
"""Largest and smallest number of images that a look asks; a slow model is asked fewer."""
PATIENCE = 0.5
"""Seconds that one pass over the images of a look may take."""


@runtime_checkable
class DrawsInTraining(Protocol):
    """A module that draws in another way while it is trained."""

    def trained(self) -> AbstractContextManager[None]:
        """Draw as in training inside the block."""
        ...


def examine_model(patient: Patient, chart: Chart, *, is_taught: bool = True, is_timed_only: bool = False) -> None:
    """Look at a model, from its code to what it learns; the chart keeps every line at once.

    Args:
        patient: the model, with real inputs.
        chart: the chart that is filled.
        is_taught: whether it is trained for a moment, unless it brings its weights.
        is_timed_only: whether nothing but its time and memory is looked at.
    """
    module = built(patient, chart)
    if module is None:
        return
    module.eval()
    few = patient.asked(module, LEAST)
    take(CODE_LOOKS, few, chart)
    if chart.names & UNANSWERING:
        return
    count = _n_asked(few)
    asked = patient.asked(module, count)
    chart.fact("", n_train=patient.n_train, n_test=patient.n_test)
    time_and_memory = (Look("time and memory", lambda asked: _measured(asked, chart)),)
    take(time_and_memory if is_timed_only else (*STRUCTURE_LOOKS, *time_and_memory), asked, chart)
    if is_timed_only:
        return
    if patient.part.is_trained:
        examine_weights(patient.asked(module, min(LOOKED_AT, 4 * count)), chart)
    elif not is_taught:
        return
    elif _is_teachable(patient) and not chart.names & UNTEACHABLE:
        fresh = patient.part.build(patient.info, SEED)
        if not teach(patient, fresh, chart):
            return
        asked = patient.asked(fresh, count)
        if patient.part.trains_at_once:  # it has no answers before
            take(STRUCTURE_LOOKS, asked, chart)
    take(WEIGHT_LOOKS, asked, chart)


def _is_teachable(patient: Patient) -> bool:
    """Whether a short training run says something: an annealer's needs an embedding first, and one that goes on from
    another model's weights needs those."""  # noqa: D205, D209
    return patient.part.predecessor is None and patient.part.to_embed(patient.info) is None


def _n_asked(few: Asked) -> int:
    start = time.process_time()
    few.logits()
    one = (time.process_time() - start) / len(few.inputs)
    return int(min(ASKED, max(LEAST, PATIENCE / max(one, 1e-9))))


def _measured(asked: Asked, chart: Chart) -> Iterator[Seen]:
    """Measure seconds an image, forwards and with gradients, and what a training batch keeps in memory."""
    inputs, part = asked.inputs, asked.patient.part
    forward = _seconds(asked.logits, len(inputs))
    n_weights = sum(weight.numel() for weight in asked.bare.parameters())
    weights = f"{n_weights:,} weights, " if n_weights else ""
    chart.fact(f"{weights}{_short(forward)} an image", forward=forward)
    if not part.has_gradients or chart.names & UNTEACHABLE:
        return
    kept = [0]

    def pack(value: Tensor) -> Tensor:
        kept[0] += value.numel() * value.element_size()
        return value

    def descend() -> None:
        kept[0] = 0
        leaf = inputs.clone().requires_grad_(True)
        asked.module(leaf).sum().backward()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        both = _seconds(descend, len(inputs))
    training = 0.0 if part.is_trained or part.trains_at_once else _seconds_in_training(asked)
    for weight in asked.bare.parameters():
        weight.grad = None
    batch = min(part.training.batch, asked.patient.n_train)
    needed = 4.0 * 4 * n_weights + kept[0] / len(inputs) * batch
    chart.fact("", both=both, training=training, memory=needed)
    if not part.is_trained and needed > available():
        size, room = needed / 2**30, available() / 2**30
        yield seen("not_enough_memory", f"a batch of {batch} needs about {size:.1f} GiB, {room:.1f} GiB are free")


def _seconds_in_training(asked: Asked) -> float:
    """Seconds of a training step for each image, but for the optimiser: without what is averaged at inference.

    It is 0 if such a step fails: what is wrong with training is found where the model is taught.
    """
    bare = asked.bare
    before = copy.deepcopy(bare.state_dict())
    bare.train()
    try:
        with bare.trained() if isinstance(bare, DrawsInTraining) else nullcontext():
            return _seconds(lambda: bare(asked.inputs).sum().backward(), len(asked.inputs))
    except Exception:
        return 0.0
    finally:
        bare.load_state_dict(before)
        bare.eval()


def _seconds(run: Callable[[], object], n: int) -> float:
    """Seconds of a processor for each of n images, in the shorter of two passes: the first may prepare something."""
    taken: list[float] = []
    while len(taken) < 2 and sum(taken) < PATIENCE:
        start = time.process_time()
        run()
        taken.append(time.process_time() - start)
    return min(taken) / n


def _short(seconds: float) -> str:
    return f"{1e3 * seconds:.2g} ms" if seconds < 1 else f"{seconds:.1f} s"
