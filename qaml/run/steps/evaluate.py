"""Predict clean images or adversarials with one trained model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from qaml.budgets import TOLERANCE
from qaml.metrics.spectrum import low_frequency_share
from qaml.models.capabilities import Encoding, Flipped, OneValued, Sampled
from qaml.plan.role import Role
from qaml.run.answers import BATCH, Evidence, Images, correct_shares, decides
from qaml.run.arrays import Rows, read_arrays, write_arrays
from qaml.run.classifier import defended, trained
from qaml.run.dataset import data_of, evaluated
from qaml.run.job import Job
from qaml.run.repetition import ATTACKED_IMAGES, CLEAN_IMAGES, repeated, spread
from qaml.types import AnyArray, BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from qaml.spec.suite import Inference

PREDICTIONS = "predictions.npz"
Decide = Callable[[nn.Module, "Asked", AnyArray], Evidence]
"""(classifier, inputs, their labels (n_epsilons · n,)) → what it decides."""


def execute(job: Job) -> None:
    """Write ``predictions.npz``.

    It has correct (n_epsilons, n) as shares of draws, predictions of the first draw, their confidence, unanswered,
    labels, indices, epsilons, claimed, outside and norms; n_epsilons is 1 (and epsilon 0) for clean images. ``asked``
    (5,) is a ``Repetition``.

    Attacked images also have the perturbation's low_frequency share; a circuit has shots, one that encodes states the
    fidelity of attacked states, and one with noise layers within_noise; (n_epsilons, n) each.
    """
    inference: Inference = job.payload["classifier"]["inference"]

    def decide(module: nn.Module, asked: Asked, labels: AnyArray) -> Evidence:
        progress = lambda share: job.progress(share, "")  # noqa: E731
        return correct_shares(module, asked.inputs, labels, inference, job.seed, job.device, progress)

    evaluate(job, decide, lambda module: decides(module, inference))


def evaluate(job: Job, decide: Decide, again: Callable[[nn.Module], nn.Module] | None = None) -> None:
    """Write ``predictions.npz`` from evidence about the job's inputs.

    Args:
        job: a step that evaluates.
        decide: makes the evidence.
        again: the module that decides, which is asked again; without it no input is.
    """
    module = trained(job, job.payload["classifier"])
    with ExitStack() as files:
        asked, arrays = _inputs(job, files)
        if Role("attack") in job.parents:
            arrays |= _fidelity(module, asked, job.device)
        arrays |= _within_noise(module, asked, job.device)
        found = decide(module, asked, np.tile(arrays["labels"], asked.n_epsilons))
        answered: dict[str, AnyArray] = {
            "correct": found.correct,
            "predicted": found.first.predicted,
            "confidence": found.first.confidence,
            "unanswered": found.unanswered,
        }
        arrays |= {name: asked.a_budget_a_row(array) for name, array in answered.items()}
        if again is not None:
            arrays["asked"] = _asked_again(job, again(module), asked, found.first.predicted)
        arrays |= _shots(module if again is None else again(module), asked, job.device)
    write_arrays(job.output / PREDICTIONS, {"draws": found.draws, **arrays, **found.further})


class Asked(NamedTuple):
    """The inputs that are predicted.

    Attributes:
        start: (n, *shape), the images that perturbations start from.
        inputs: (n_epsilons · n, *shape), those of the first budget first.
    """

    start: FloatArray
    inputs: Images

    @property
    def n_epsilons(self) -> int:
        """Number of budgets."""
        return len(self.inputs) // max(len(self.start), 1)

    def batches(self) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Batches of images of one budget with the images that they start from; only one batch is in memory."""
        n = len(self.start)
        for budget in range(self.n_epsilons):
            for first in range(0, n, BATCH):
                last = min(first + BATCH, n)
                yield self.start[first:last], self.inputs[budget * n + first : budget * n + last]

    def a_budget_a_row(self, found: AnyArray) -> AnyArray:
        """An array of all inputs, (n_epsilons · n,), as (n_epsilons, n)."""
        return found.reshape(self.n_epsilons, len(self.start))

    def of_batches(self, measure: Callable[[FloatArray, FloatArray], AnyArray]) -> AnyArray:
        """A number for each input, (n_epsilons, n), measured on the image that it starts from and itself."""
        return self.a_budget_a_row(np.concatenate([measure(*batch) for batch in self.batches()]))


@dataclass(frozen=True)
class _WithinBudgets:
    """A minimisation attack's images at each budget: the adversarial if it is near enough, else the clean image.

    Attributes:
        start: (n, *shape), the clean images.
        smallest: (n, *shape), the adversarials.
        reached: (n_epsilons · n,) bool, whether the adversarial is within the budget.
    """

    start: FloatArray
    smallest: FloatArray
    reached: BoolArray

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.reached), *self.start.shape[1:])

    def __len__(self) -> int:
        return len(self.reached)

    def __getitem__(self, chosen: slice) -> FloatArray:
        places = np.arange(*chosen.indices(len(self))) % len(self.start)
        where = self.reached[chosen].reshape(-1, *[1] * (self.start.ndim - 1))
        return np.where(where, self.smallest[places], self.start[places])


def _asked_again(job: Job, decider: nn.Module, asked: Asked, predicted: IntArray) -> IntArray:
    """A ``Repetition`` of some of the images, as an array (5,)."""
    is_clean = Role("attack") not in job.parents
    places = spread(len(asked.inputs), CLEAN_IMAGES if is_clean else ATTACKED_IMAGES)
    sample = np.concatenate([asked.inputs[place : place + 1] for place in places])
    clean = sample if is_clean else asked.start[places % len(asked.start)]
    return np.array(repeated(decider, sample, clean, predicted[places], job.seed, job.device), dtype=np.int64)


def _inputs(job: Job, files: ExitStack) -> tuple[Asked, dict[str, NDArray[np.generic]]]:
    """The inputs that are predicted, and the arrays that describe them, such as labels."""
    if Role("attack") in job.parents:
        return _attacked(job, files)
    description = job.payload["classifier"]
    data = data_of(job, description["dataset"])
    test = evaluated(data, job.payload["images"], job.payload["order"])
    inputs = defended(test.inputs, description["defences"], data.info)
    return Asked(inputs, inputs), {"labels": test.labels, "indices": test.indices, "epsilons": np.zeros(1)}


def _attacked(job: Job, files: ExitStack) -> tuple[Asked, dict[str, NDArray[np.generic]]]:
    path = job.read(Role("attack"), "adversarials.npz")
    made = read_arrays(path, without="adversarials")
    start = made.pop("start")
    adversarials = Rows(files.enter_context(path.open("rb")), "adversarials", merged=2)
    asked = Asked(start, adversarials)
    if (epsilons := job.payload["epsilons"]) is not None:
        reached = np.asarray(made["norms"])[None] <= np.asarray(epsilons)[:, None] * (1 + TOLERANCE)
        made |= {"epsilons": np.asarray(epsilons)}
        made |= {name: np.asarray(made[name], dtype=bool) & reached for name in ("claimed", "outside")}
        asked = Asked(start, _WithinBudgets(start, adversarials[: len(start)], reached.reshape(-1)))
    if start.ndim == 4:
        shares = asked.of_batches(lambda start, attacked: low_frequency_share(attacked - start))
        made["low_frequency"] = shares.astype(np.float32)
    return asked, made


@torch.no_grad()
def _fidelity(module: nn.Module, asked: Asked, device: str) -> dict[str, NDArray[np.generic]]:
    """|⟨ψ(x)|ψ(x')⟩|² of every perturbed input, (n_epsilons, n); empty for models that encode no states."""
    if not isinstance(module, Encoding):
        return {}

    def overlaps(start: FloatArray, attacked: FloatArray) -> AnyArray:
        clean, states = (module.states(torch.from_numpy(images).double().to(device)) for images in (start, attacked))
        return (clean.conj() * states).sum(1).abs().square().cpu().numpy()

    return {"fidelity": asked.of_batches(overlaps)}


@torch.no_grad()
def _within_noise(module: nn.Module, asked: Asked, device: str) -> dict[str, NDArray[np.generic]]:
    """Whether noise layers could change the label, |⟨Z⟩| ≤ 2Σp, (n_epsilons, n); empty for models without any."""
    if not isinstance(module, Flipped) or (flips := module.total_flips()) is None:
        return {}
    average = module.averaged()
    assert isinstance(average, OneValued), "a circuit with noise layers measures one wire"

    def within(_: FloatArray, attacked: FloatArray) -> AnyArray:
        means = average.expectations(torch.from_numpy(attacked).to(device))
        return np.asarray((means.abs() <= 2 * flips).cpu().numpy())

    return {"within_noise": asked.of_batches(within)}


@torch.no_grad()
def _shots(module: nn.Module, asked: Asked, device: str) -> dict[str, NDArray[np.generic]]:
    """Number of measurements of a circuit that each input needs, (n_epsilons, n) float64; empty for other models."""
    if not isinstance(module, Sampled):
        return {}

    def needed(_: FloatArray, attacked: FloatArray) -> AnyArray:
        return module.shots_needed(torch.from_numpy(attacked).to(device)).astype(np.float64)

    return {"shots": asked.of_batches(needed)}
