"""The validity battery of one model under one threat (norm, budget, box), which shows whether a measurement is valid.

It runs in addition to the claim's own attacks, on images spread over all training runs, so that a single run with
masked gradients is noticed: ``attacks.battery`` with a surrogate of its own, and measurements of gradients and logits
(``docs/findings.md``). At smaller budgets only its best member runs again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from qaml.attacks.access import access, check_gradients
from qaml.attacks.battery import Battery
from qaml.attacks.geometry import closed_around, is_outside
from qaml.attacks.gradient.descent import exact_average
from qaml.attacks.victim import Threat, Victim
from qaml.errors import PartError
from qaml.metrics.distance import is_below
from qaml.models.capabilities import Averaging, is_randomised
from qaml.models.logits import has_answer, margins
from qaml.models.surrogate import build
from qaml.plan.role import Role
from qaml.run.answers import correct_shares
from qaml.run.arrays import read_arrays, write_arrays
from qaml.run.classifier import WEIGHTS, in_box, target, trained
from qaml.run.exact import exact_norms, lengths_of
from qaml.run.job import Job
from qaml.run.tested import runs_of, tested
from qaml.types import AnyArray, BoolArray, Bounds, DoubleArray, FloatArray, InputInfo, IntArray
from qaml.vocab import Norm

BATCH = 250
DIAGNOSIS = "diagnosis.npz"
MEMBER = "correct_"
STRONGEST = "pgd"
"""The member that runs at every budget, in addition to the best one."""

_LOSS = partial(nn.functional.cross_entropy, reduction="sum")

Arrays = dict[str, AnyArray]
Loss = Callable[[Tensor, Tensor], Tensor]
"""Logits (n, classes) and labels (n,) → the loss summed over the inputs."""


def execute(job: Job) -> None:
    """Write ``diagnosis.npz``: see ``metrics.evidence.Diagnosis``."""
    info, inputs, labels, indices = tested(job, job.payload["images"])
    info = in_box(info, job.payload)
    runs = runs_of(job, len(indices))
    n_runs = len(np.unique(runs))
    parts = []
    for run in range(n_runs):
        own = torch.from_numpy(np.flatnonzero(runs == run)).to(job.device)
        parts.append(_look_at(job, info, run, inputs[own], labels[own], run / n_runs))
    order = np.argsort(np.concatenate([np.flatnonzero(runs == run) for run in range(len(parts))]), kind="stable")
    arrays = {name: _joined(name, parts, order) for name in dict.fromkeys(name for part in parts for name in part)}
    about = {"indices": indices, "runs": runs, "epsilon": job.payload["epsilon"]}
    write_arrays(job.output / DIAGNOSIS, {**about, **arrays})


def _joined(name: str, parts: list[Arrays], order: IntArray) -> AnyArray:
    """One array of all runs: counts are added up, values of images are in the images' order, NaN where none exists."""
    known = next(part[name] for part in parts if name in part)
    if known.ndim == 0:
        found = [part[name] for part in parts if name in part]
        return np.asarray(np.any(found) if known.dtype == bool else np.max(found) if name == "draws" else np.sum(found))
    sizes = [len(part["clean_correct"]) for part in parts]
    missing = [np.full(n, np.nan, dtype=np.float32) for n in sizes]
    return np.concatenate([part.get(name, gap) for part, gap in zip(parts, missing, strict=True)])[order]


def _look_at(job: Job, info: InputInfo, run: int, inputs: Tensor, labels: Tensor, done: float) -> Arrays:
    """The arrays of one training run: the battery's, and those of gradients and logits."""
    module = trained(job, job.payload["classifier"], run)
    scorer = _Scorer(job, module, labels)
    victim = Victim(
        target=target(module, info),
        score=scorer,
        is_randomised=is_randomised(module),
        has_gradients=_has_gradients(job, module, info, inputs, labels),
        is_seen=_is_seen(job),
        undefended=_undefended(job, run) if _is_seen(job) else None,
        surrogate=surrogate_of(job, info),
        average=exact_average if isinstance(module, Averaging) else None,
    )
    threat = Threat(job.payload["norm"], float(job.payload["epsilon"]), job.seed)
    battery = Battery(victim, threat, inputs, labels)
    only = _worth_repeating(job) if Role("leader") in job.parents else frozenset()
    battery.run(lambda name: job.progress(done, name), only)
    arrays: Arrays = {f"{MEMBER}{name}": shares for name, shares in battery.correct.items()}
    if not only:
        if victim.has_gradients:
            arrays[f"{MEMBER}unbounded"] = battery.unbounded(_reach(threat.norm, info, inputs))
        arrays |= look(module, inputs, labels, has_gradients=victim.has_gradients)
        arrays["below_exact"] = np.asarray(_n_below(battery, module, inputs, labels) if run == 0 else 0)
    counts = {
        "outside": _n_outside(battery, info.bounds),
        "unanswered": scorer.n_unanswered,
        "draws": scorer.draws,
    }
    return {**arrays, "clean_correct": battery.clean, **{name: np.asarray(count) for name, count in counts.items()}}


class _Scorer:
    """Scores adversarials of some of the images with a classifier's inference in the suite."""

    def __init__(self, job: Job, module: nn.Module, labels: Tensor) -> None:
        self.job = job
        self.module = module
        self.labels = labels
        self.draws = 1
        self.n_unanswered = 0

    def __call__(self, inputs: Tensor, rows: Tensor) -> FloatArray:
        """(m, *shape) → share of draws with the true class, (m,); inputs without an answer count as right."""
        inference = self.job.payload["classifier"]["inference"]
        labels = self.labels[rows].cpu().numpy()
        found = correct_shares(self.module, inputs.cpu().numpy(), labels, inference, self.job.seed, self.job.device)
        self.draws = found.draws
        self.n_unanswered += int(found.unanswered.sum())
        return np.where(found.unanswered, np.float32(1), found.correct)


def _is_seen(job: Job) -> bool:
    """Whether the attacks that are diagnosed see the model: those that only ask it are held against others that ask."""
    return bool(job.payload.get("gradients", True))


def _has_gradients(job: Job, module: nn.Module, info: InputInfo, inputs: Tensor, labels: Tensor) -> bool:
    """Whether the attacks that are diagnosed use gradients, the part declares them, and the module has them."""
    if not _is_seen(job) or not job.payload["classifier"]["model"].has_gradients:
        return False
    with access(target(module, info), inputs[:1], labels[:1], job.seed) as held:
        try:
            check_gradients(held, inputs)
        except PartError:
            return False
    return True


def _undefended(job: Job, run: int) -> nn.Module | None:
    """The same weights without the defences that wrap the classifier; ``None`` if there are none."""
    description: Mapping[str, Any] = job.payload["classifier"]
    outside = [defence for defence in description["defences"] if not defence.is_inside]
    if len(outside) == len(description["defences"]):
        return None
    return trained(job, {**description, "defences": outside}, run)


def surrogate_of(job: Job, info: InputInfo) -> nn.Module:
    """The battery's own surrogate of the model that the job is about."""
    network = build(info, 0)
    network.load_state_dict(load_file(job.read(Role("surrogate"), WEIGHTS)))
    return network.to(job.device).eval().requires_grad_(False)


def _worth_repeating(job: Job) -> frozenset[str]:
    """The member that fooled most images at the largest budget, and ``STRONGEST``."""
    arrays = read_arrays(job.read(Role("leader"), DIAGNOSIS))
    named = {name.removeprefix(MEMBER): values for name, values in arrays.items() if name.startswith(MEMBER)}
    fooled = {name: float(np.nansum(1 - values)) for name, values in named.items() if name != "unbounded"}
    return frozenset({max(fooled, key=lambda name: fooled[name]), *(fooled.keys() & {STRONGEST})})


def _reach(norm: Norm, info: InputInfo, inputs: Tensor) -> float:
    """Norm of the largest perturbation within the bounds, or where they have no end within the images' range."""
    return reach_of_bounds(norm, info._replace(bounds=closed_around(info.bounds, inputs)))


def reach_of_bounds(norm: Norm, info: InputInfo) -> float:
    """Norm of the largest perturbation that the bounds allow."""
    width = info.bounds.width
    return width if norm == "linf" else width * float(np.sqrt(info.n_features))


def _n_outside(battery: Battery, bounds: Bounds) -> int:
    """Number of the battery's adversarials that break the budget or the bounds."""
    norm, epsilon, _ = battery.threat
    return sum(n_outside(made.adversarials, battery.inputs[made.rows], norm, epsilon, bounds) for made in battery.made)


def _n_below(battery: Battery, module: nn.Module, inputs: Tensor, labels: Tensor) -> int:
    """Number of the battery's adversarials that fool nearer than the exact L2 distance; 0 if none is known."""
    exact = exact_norms(module, inputs, labels)
    if exact is None:
        return 0
    below = 0
    for rows, adversarials, correct in battery.made:
        clean, places = inputs[rows], rows.cpu().numpy()
        norms = np.where(correct > 0, np.inf, lengths_of(adversarials - clean))
        below += int(is_below(norms, exact[places], lengths_of(clean)).sum())
    return below


def n_outside(adversarials: Tensor, inputs: Tensor, norm: Norm, epsilon: float, bounds: Bounds) -> int:
    """Number of adversarials that break the budget or the bounds."""
    budgets = torch.full((len(inputs),), epsilon, dtype=torch.float64, device=inputs.device)
    return int(is_outside(adversarials, inputs, budgets, norm, bounds).sum())


def look(module: nn.Module, inputs: Tensor, labels: Tensor, *, has_gradients: bool = True) -> Arrays:
    """Flags of the logits and gradients on clean images, (n,) each, and of all of them together."""
    if has_gradients:
        logits, loss_gradients = _gradients(module, inputs, labels, _LOSS)
    else:
        with torch.no_grad():
            logits = torch.cat([module(batch) for batch in torch.split(inputs, BATCH)]).double().cpu().numpy()
        loss_gradients = np.ones((len(inputs), 1))
    finite = has_answer(torch.from_numpy(logits)).numpy() & np.isfinite(loss_gradients).all(1)
    zero: BoolArray = np.asarray(~loss_gradients.any(1))
    if has_gradients and zero.any():  # float64 takes time and is needed only then
        again = torch.from_numpy(np.flatnonzero(zero)).to(inputs.device)
        zero[zero] = ~_margin_gradients(module, inputs[again], labels[again]).any(1)
    sums = np.abs(logits.sum(1) - 1).max()
    saturated = float((logits.max(1) > 1 - 1e-6).mean())
    return {
        "clean_correct": logits.argmax(1) == labels.cpu().numpy(),
        "zero_gradient": zero,
        "non_finite": np.asarray(int((~finite).sum())),
        "outputs_are_probabilities": np.asarray(bool(sums < 1e-4 and logits.min() >= 0 and saturated > 0.01)),
        "margin_below_precision": margins(logits).is_below,
    }


def _gradients(module: nn.Module, inputs: Tensor, labels: Tensor, loss: Loss) -> tuple[DoubleArray, DoubleArray]:
    """Logits (n, classes) and input gradients (n, n_features) of the summed loss."""
    all_logits, all_gradients = [], []
    for x, y in zip(torch.split(inputs, BATCH), torch.split(labels, BATCH), strict=True):
        leaf = x.clone().requires_grad_(True)
        logits = module(leaf)
        (gradient,) = torch.autograd.grad(loss(logits, y), leaf)
        all_logits.append(logits.detach().double().cpu().numpy())
        all_gradients.append(gradient.flatten(1).double().cpu().numpy())
    return np.concatenate(all_logits), np.concatenate(all_gradients)


def _margin_gradients(module: nn.Module, inputs: Tensor, labels: Tensor) -> DoubleArray:
    """Gradients of the margin loss in float64: a saturated softmax has none in float32, but its logits may have."""
    module = module.double()
    try:
        _, gradients = _gradients(module, inputs.double(), labels, _margin)
    finally:
        module.float()
    return gradients


def _margin(logits: Tensor, labels: Tensor) -> Tensor:
    own = logits.gather(1, labels[:, None])[:, 0]
    other = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    return (other - own).sum()
