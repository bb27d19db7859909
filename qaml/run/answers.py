"""Asking a classifier: its class for each input, how sure it is, and where it gives no answer.

Every step that takes an answer takes it here, so that NaN is never a class, a success or a failure of an attack.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qaml.models.capabilities import averaged, is_randomised
from qaml.models.logits import has_answer
from qaml.models.seeding import reseed
from qaml.quantum.noise.votes import vote_chance
from qaml.types import BoolArray, DoubleArray, FloatArray, IntArray

if TYPE_CHECKING:
    from qaml.spec.suite import Inference

BATCH = 500
NO_ANSWER = -1
"""Stands where a class would."""


class Images(Protocol):
    """Inputs (n, *shape) in memory, or in a file that only these slices are read from."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, *shape)."""

    def __len__(self) -> int:
        """Their number."""

    def __getitem__(self, chosen: slice, /) -> FloatArray:
        """Those of a slice."""


class Answers(NamedTuple):
    """What a classifier says of n inputs.

    Attributes:
        shares: (n, classes) float64, of probability or of votes; zero where there is no answer.
        unanswered: (n,) bool.
    """

    shares: DoubleArray
    unanswered: BoolArray

    @property
    def predicted(self) -> IntArray:
        """(n,) classes, ``NO_ANSWER`` where there is none."""
        return np.where(self.unanswered, NO_ANSWER, self.shares.argmax(1))

    @property
    def confidence(self) -> FloatArray:
        """(n,) share of the class predicted."""
        sure: FloatArray = self.shares.max(1).astype(np.float32)
        return sure


class Evidence(NamedTuple):
    """A decision repeated on n inputs.

    Attributes:
        correct: (n,) float32, share of draws that are right; an input without an answer is not.
        first: the first draw.
        unanswered: (n,) bool, whether any draw gave none.
        draws: how often the decision was repeated; once for deterministic classifiers.
    """

    correct: FloatArray
    first: Answers
    unanswered: BoolArray
    draws: int


def correct_shares(
    module: nn.Module,
    inputs: Images,
    labels: NDArray[np.generic],
    inference: Inference,
    seed: int,
    device: str,
    told: Callable[[float], None] = lambda _: None,
) -> Evidence:
    """Decide on (n, *shape) inputs as often as evidence of a randomised classifier asks for.

    Args:
        module: the classifier.
        inputs: (n, *shape); no answer to one with NaN or infinities counts.
        labels: (n,) true classes.
        inference: how it decides.
        seed: of its draws.
        device: it is on.
        told: the share done.
    """
    decider = decides(module, inference)
    draws = inference.evidence_draws if is_randomised(decider) else 1
    correct = np.zeros(len(inputs), dtype=np.float32)
    unanswered: BoolArray = np.zeros(len(inputs), dtype=bool)
    first: Answers | None = None
    for draw in range(draws):
        found = answers(decider, inputs, inference, seed + 1000 * draw, device)
        if inference.decision == "shots":
            correct += _vote_shares(found, labels, inference.draws)
        else:
            correct += (found.predicted == labels).astype(np.float32) / draws
        unanswered |= found.unanswered
        first = first or found
        told((draw + 1) / draws)
    assert first is not None
    return Evidence(np.where(unanswered, np.float32(0), correct), first, unanswered, draws)


def decides(module: nn.Module, inference: Inference) -> nn.Module:
    """The classifier, or its exact average where that decides."""
    return averaged(module) if inference.decision in ("exact", "shots") else module


def answers(module: nn.Module, inputs: Images, inference: Inference, seed: int, device: str) -> Answers:
    """One decision on each of (n, *shape) inputs; draws depend on the seed and the place among the inputs."""
    shares, unanswered = [], []
    for number, first in enumerate(range(0, max(len(inputs), 1), BATCH)):
        batch = torch.from_numpy(inputs[first : first + BATCH])
        found, is_none = _decide(module, batch.to(device), inference, seed + number)
        shares.append(found.cpu())
        unanswered.append(is_none.cpu() | ~batch.flatten(1).isfinite().all(1))
    missing = torch.cat(unanswered)
    decided = torch.cat(shares).masked_fill(missing[:, None], 0.0)
    return Answers(decided.numpy(), np.asarray(missing.numpy(), dtype=bool))


@torch.no_grad()
def classes(module: nn.Module, inputs: Tensor) -> IntArray:
    """The class of the largest logit of each of (n, *shape) inputs in one draw, ``NO_ANSWER`` where there is none."""
    found = []
    for batch in torch.split(inputs, BATCH):
        logits = module(batch)
        found.append(logits.argmax(1).masked_fill(~has_answer(logits), NO_ANSWER).cpu())
    predicted: IntArray = torch.cat(found).numpy()
    return predicted


def _vote_shares(found: Answers, labels: NDArray[np.generic], shots: int) -> FloatArray:
    """The chance that a vote of single shots is right, (n,), between two classes."""
    ones = vote_chance(found.shares[:, 1].astype(np.float32).astype(np.float64), shots)
    return np.where(np.asarray(labels) == 1, ones, 1 - ones).astype(np.float32)


@torch.no_grad()
def _decide(module: nn.Module, batch: Tensor, inference: Inference, seed: int) -> tuple[Tensor, Tensor]:
    """Class shares (batch, classes): probabilities, averaged probabilities, or votes; and where no draw may count."""
    if not is_randomised(module):
        logits = module(batch)
        return probabilities(logits), ~has_answer(logits)
    reseed(module, seed)
    draws = 1 if inference.decision == "single_draw" else inference.draws
    logits = torch.stack([module(batch) for _ in range(draws)])
    unanswered = torch.stack([~has_answer(draw) for draw in logits]).any(0)
    drawn = torch.stack([probabilities(draw) for draw in logits])
    if inference.decision != "vote":
        return drawn.mean(dim=0), unanswered
    votes = nn.functional.one_hot(drawn.argmax(dim=2), drawn.shape[2])
    return votes.to(drawn.dtype).mean(dim=0), unanswered


def probabilities(logits: Tensor) -> Tensor:
    """Softmax in float64 with the order of the logits kept where it saturates: ties would all go to the first class."""
    top = logits.argmax(dim=1, keepdim=True)
    finite = logits.double().clamp(max=torch.finfo(torch.float64).max)  # a single +inf is certainty, not NaN
    shares = torch.softmax(finite, dim=1)
    return shares.scatter_add(1, top, torch.full_like(top, 1, dtype=shares.dtype) * 1e-12)
