"""A classifier's answers: its class for each input, its confidence, and the inputs that it gives no answer to.

Every step computes answers with these functions, so that NaN is never a class, nor a success or failure of an attack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
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
"""The value in place of a class where a classifier gives no answer."""


class Images(Protocol):
    """Inputs (n, *shape) in memory, or in a file from which only the requested slices are read."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, *shape)."""

    def __len__(self) -> int:
        """The number of inputs."""

    def __getitem__(self, chosen: slice, /) -> FloatArray:
        """The inputs of a slice."""


class Answers(NamedTuple):
    """What a classifier says of n inputs.

    Attributes:
        shares: (n, classes) float64, each class's share of probability or of votes; zero where there is no answer.
        unanswered: (n,) bool, whether there is no answer.
    """

    shares: DoubleArray
    unanswered: BoolArray

    @property
    def predicted(self) -> IntArray:
        """Classes, (n,); ``NO_ANSWER`` where there is none."""
        return np.where(self.unanswered, NO_ANSWER, self.shares.argmax(1))

    @property
    def confidence(self) -> FloatArray:
        """Share of the predicted class, (n,) in 0–1."""
        sure: FloatArray = self.shares.max(1).astype(np.float32)
        return sure


class Evidence(NamedTuple):
    """A decision repeated on n inputs.

    Attributes:
        correct: (n,) float32, share of draws with the true class; 0 for an input without an answer.
        first: answers of the first draw.
        unanswered: (n,) bool, whether any draw gave no answer.
        draws: how often the decision was repeated; 1 for deterministic classifiers.
        further: what else is kept with the predictions, by name.
    """

    correct: FloatArray
    first: Answers
    unanswered: BoolArray
    draws: int
    further: Mapping[str, NDArray[np.generic]] = MappingProxyType({})


def correct_shares(
    module: nn.Module,
    inputs: Images,
    labels: NDArray[np.generic],
    inference: Inference,
    seed: int,
    device: str,
    progress: Callable[[float], None] = lambda _: None,
) -> Evidence:
    """Decide on (n, *shape) inputs, repeatedly if the classifier is randomised.

    Args:
        module: the classifier.
        inputs: (n, *shape); an input with NaN or infinities counts as unanswered.
        labels: (n,) true classes.
        inference: how the classifier decides, and the number of repetitions.
        seed: the seed of its draws.
        device: the device that the classifier is on.
        progress: called with the share done, 0–1.
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
        progress((draw + 1) / draws)
    assert first is not None
    return Evidence(np.where(unanswered, np.float32(0), correct), first, unanswered, draws)


def decides(module: nn.Module, inference: Inference) -> nn.Module:
    """The module that decides: the classifier, or its exact average if the inference says so."""
    return averaged(module) if inference.decision in ("exact", "shots") else module


def answers(module: nn.Module, inputs: Images, inference: Inference, seed: int, device: str) -> Answers:
    """One decision on each of (n, *shape) inputs; draws depend on the seed and on an input's position."""
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
    return torch.cat(found).numpy()


def _vote_shares(found: Answers, labels: NDArray[np.generic], shots: int) -> FloatArray:
    """Probability that a vote of single shots between two classes gives the true one, (n,)."""
    ones = vote_chance(found.shares[:, 1].astype(np.float32).astype(np.float64), shots)
    return np.where(np.asarray(labels) == 1, ones, 1 - ones).astype(np.float32)


@torch.no_grad()
def _decide(module: nn.Module, batch: Tensor, inference: Inference, seed: int) -> tuple[Tensor, Tensor]:
    """Class shares (batch, classes), which are probabilities, their averages or votes; and which are unanswered."""
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
    """Softmax in float64 that keeps the order of the logits where it saturates: ties would go to the first class."""
    top = logits.argmax(dim=1, keepdim=True)
    finite = logits.double().clamp(max=torch.finfo(torch.float64).max)  # a single +inf is certainty, not NaN
    shares = torch.softmax(finite, dim=1)
    return shares.scatter_add(1, top, torch.full_like(top, 1, dtype=shares.dtype) * 1e-12)
