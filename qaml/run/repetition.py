"""Whether a classifier gives the same answers when the same inputs come again, also in other batches.

Randomness that was left on (dropout, noise, shots), statistics of the batch, and state that a call changes all make
evidence that no second run repeats, and let an attack climb another function than the one that is judged.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from qaml.models.capabilities import is_randomised
from qaml.models.logits import has_answer
from qaml.models.seeding import derive_seed, reseed, seeded
from qaml.run.answers import NO_ANSWER
from qaml.types import BoolArray, DoubleArray, FloatArray, IntArray

CLEAN_IMAGES, ATTACKED_IMAGES = 100, 20
"""Largest numbers of images that are classified again; more images add little and cost time."""
PARTS = (1, 1, 2, 3, 5, 8, 13, 21)
"""Sizes of the first batches of the separate classification; the remaining images form the last one."""
FEW = 2
"""Number of images that are classified with another number of threads."""
SHARE = 1e-2
"""Largest change of a logit that arithmetic explains, as a share of the median gap of the two largest logits.

The median is over clean images. The logits of sound networks in float32, in batches of 1 to 100 and with one and two
threads, change by 1e-6 of the gap; those of an RBM, which are 2,000 gaps large, by 2e-4; convolutions on accelerators,
which round to 10 bits, by more.
"""
ROUNDING = 64 * float(np.finfo(np.float32).eps)
"""Largest change of a logit that float32 arithmetic explains, as a share of the logit's size."""


class Repetition(NamedTuple):
    """How many of n images were answered differently.

    Attributes:
        n: number of images that were classified again.
        classes_again: number with another class when the same batch is classified again.
        logits_again: number with other logits when the same batch is classified again.
        classes_apart: number with another class in other batches and another order.
        logits_apart: number with other logits in other batches and another order.
    """

    n: int
    classes_again: int
    logits_again: int
    classes_apart: int
    logits_apart: int


def spread(n: int, count: int) -> IntArray:
    """At most ``count`` positions of n, evenly spread."""
    return np.unique(np.linspace(0, max(n - 1, 0), min(n, count)).round().astype(np.int64))


def repeated(
    module: nn.Module,
    inputs: FloatArray,
    clean: FloatArray,
    predicted: IntArray,
    seed: int,
    device: str,
) -> Repetition:
    """Classify inputs again and count the answers that differ.

    A randomised classifier starts its draws again from the same seed, and is not asked in other batches: its draws
    depend on the batch.

    Args:
        module: the classifier that decides.
        inputs: (n, *shape), the inputs that are classified again.
        clean: (n, *shape), the same images before an attack, whose logits give the scale.
        predicted: (n,) classes of the evidence, which were found in other batches.
        seed: seed of the global generators, which the module does not declare; each call derives another one from it.
        device: the device that the module is on.
    """
    batch = torch.from_numpy(inputs).to(device)
    first = _asked(module, batch, seed, 0)
    calm = first if clean is inputs else _asked(module, torch.from_numpy(clean).to(device), seed, 1)
    scale = _median_gap(calm)
    again = _as_attacked(module, batch, seed)
    classes_again, logits_again = _differ(first, again, scale)
    if clean is inputs:  # once a training run
        logits_again |= _depends_on_threads(module, batch[:FEW], seed, scale)
    if is_randomised(module):
        return Repetition(len(inputs), int(classes_again.sum()), int(logits_again.sum()), 0, 0)
    classes_apart, logits_apart = _differ(first, _apart(module, batch, first.shape[1], seed), scale)
    moved = (_classes(first) != predicted) & (_gaps(first) > _allowed(first, scale).max(1))
    return Repetition(
        len(inputs),
        int(classes_again.sum()),
        int(logits_again.sum()),
        int((classes_apart | moved).sum()),
        int((logits_apart | moved).sum()),
    )


def _asked(module: nn.Module, batch: Tensor, seed: int, look: int) -> DoubleArray:
    """Logits (n, classes) of one batch; the global generators have another seed for each number ``look``."""
    reseed(module, seed)
    with _seeded_everywhere(derive_seed(seed, "asked", look), batch.device), torch.no_grad():
        logits: DoubleArray = module(batch.clone()).double().cpu().numpy()
    return logits


def _as_attacked(module: nn.Module, batch: Tensor, seed: int) -> DoubleArray:
    """Logits (n, classes) with gradients recorded, as in an attack; without, if the module cannot record them."""
    reseed(module, seed)
    try:
        with _seeded_everywhere(derive_seed(seed, "asked", 2), batch.device), torch.enable_grad():
            recorded = batch.clone().requires_grad_() + 0.0  # no leaf, which nothing may change in place
            logits: DoubleArray = module(recorded).detach().double().cpu().numpy()
    except Exception:  # it may leave torch on its way; without gradients it must answer
        return _asked(module, batch, seed, 2)
    return logits


def _depends_on_threads(module: nn.Module, few: Tensor, seed: int, scale: float) -> bool:
    """Whether another number of threads gives other logits, on few images, as threads wait for each other."""
    before = torch.get_num_threads()
    try:
        own = _asked(module, few, seed, 3)
        torch.set_num_threads(1 if before > 1 else 2)
        other = _asked(module, few, seed, 4)
    except Exception:  # it cannot take so few images, which ``_apart`` finds
        return False
    finally:
        torch.set_num_threads(before)
    return bool(_differ(own, other, scale)[1].any())


def _apart(module: nn.Module, batch: Tensor, n_classes: int, seed: int) -> DoubleArray:
    """Logits of the same inputs in another order and in batches of several sizes; NaN where the module fails."""
    n = len(batch)
    order = np.random.default_rng(derive_seed(seed, "asked", 3)).permutation(n)
    cuts = [cut for cut in np.cumsum(PARTS) if cut < n]
    apart = np.full((n, n_classes), np.nan)
    for number, rows in enumerate(np.split(order, cuts)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # such as for the variance of one image, whose NaN is counted
                logits = _asked(module, batch[torch.from_numpy(rows).to(batch.device)], seed, 5 + number)
        except Exception:  # the user's module cannot take so few images, which counts as another answer
            continue
        if logits.shape == (len(rows), n_classes):
            apart[rows] = logits
    return apart


def _differ(first: DoubleArray, other: DoubleArray, scale: float) -> tuple[BoolArray, BoolArray]:
    """Whether the class differs, (n,), and whether logits differ by more than arithmetic explains, (n,)."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(first - other)
    equal = (first == other) | (np.isnan(first) & np.isnan(other))
    logits: BoolArray = (~equal & ~(apart <= _allowed(first, scale))).any(1)
    return logits & (_classes(first) != _classes(other)), logits


def _allowed(logits: DoubleArray, scale: float) -> DoubleArray:
    """Largest difference of each logit that arithmetic explains, (n, classes)."""
    sizes = np.where(np.isfinite(logits), np.abs(logits), 0.0)
    gaps = _gaps(logits)
    gap = np.maximum(np.where(np.isfinite(gaps), gaps, 0.0), scale)[:, None]
    return SHARE * gap + ROUNDING * np.maximum(sizes, _size(logits)[:, None])


def _size(logits: DoubleArray) -> DoubleArray:
    """The larger absolute value of the two largest logits, (n,)."""
    top = _two_largest(np.where(np.isnan(logits), -np.inf, logits))
    sizes: DoubleArray = np.abs(np.where(np.isfinite(top), top, 0.0)).max(1)
    return sizes


def _two_largest(values: DoubleArray) -> DoubleArray:
    return np.sort(values, axis=1)[:, -2:]


def _gaps(logits: DoubleArray) -> DoubleArray:
    """Difference of the two largest logits, (n,); NaN where there is no answer."""
    top = _two_largest(logits)
    with np.errstate(invalid="ignore"):
        gaps: DoubleArray = top[:, -1] - top[:, 0]
    return gaps


def _median_gap(logits: DoubleArray) -> float:
    gaps = _gaps(logits)
    known = gaps[np.isfinite(gaps)]
    return float(np.median(known)) if len(known) else 0.0


def _classes(logits: DoubleArray) -> IntArray:
    answered = has_answer(torch.from_numpy(logits)).numpy()
    return np.where(answered, np.nan_to_num(logits).argmax(1), NO_ANSWER)


@contextmanager
def _seeded_everywhere(seed: int, device: torch.device) -> Iterator[None]:
    """Seed every global generator that a module may draw from, and restore their states afterwards."""
    plain, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    try:
        with seeded(seed, device):
            yield
    finally:
        random.setstate(plain)
        np.random.set_state(legacy)  # noqa: NPY002
