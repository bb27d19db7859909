"""Smallest perturbations from decisions alone: the class that a model answers, and nothing else of it.

Foolbox has both attacks. Its HopSkipJump clips to [0, 1] under any bounds, and divides gradients by one norm of the
batch: of 40 inputs of a linear model in L2 it ends 1.37 times the exact distance away, after 11,700 queries. The one
below ends 1.01 times away after 5,000. The boundary attack is foolbox's.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from qaml.attacks.engine import foolbox, library_model
from qaml.attacks.geometry import closed_around, perturbation_norms, single_precision
from qaml.attacks.minimisation.part import Boundary, DecisionAttack, HopSkipJump
from qaml.models.logits import has_answer
from qaml.types import Bounds
from qaml.vocab import Norm

POINTS = 1024
"""Number of points that the model is asked about at once."""
NOISE = 50
"""Number of draws of noise among which a start is looked for, where no other image is one."""
FEWEST, MOST = 10, 20
"""Fewest and most bisections of a segment to the clean input."""
TRIES = 20
"""Number of halvings of a step along the normal until it ends beyond the boundary."""
FEWEST_EVALUATIONS = 10
"""Fewest decisions that a normal is estimated from; with fewer queries left the search ends."""


class Exhausted(Exception):
    """Every query is used."""


class Witness(nn.Module):
    """A classifier that is asked for decisions: it counts them, and keeps the nearest adversarial of every image.

    As a module it answers two logits, (1, 0) for right and (0, 1) for wrong: a model of foolbox, with one point an
    image, which raises ``Exhausted`` when the queries are used.

    Args:
        module: the classifier.
        clean: (n, *shape) clean inputs.
        labels: (n,) true labels.
        norm: norm in which adversarials are near.
        queries: number of queries of each image.
    """

    def __init__(self, module: nn.Module, clean: Tensor, labels: Tensor, norm: Norm, queries: int) -> None:
        super().__init__()
        self.module, self.clean, self.labels, self.norm, self.queries = module, clean, labels, norm, queries
        self.nearest = clean.clone()
        self.norms = torch.full((len(clean),), torch.inf, dtype=torch.float64, device=clean.device)
        self.asked = torch.zeros(len(clean), dtype=torch.int64, device=clean.device)
        self.eval()

    def decide(self, points: Tensor, rows: Tensor) -> Tensor:
        """Whether each point of (m, *shape) fools, (m,), for images of the given rows; a row may occur repeatedly."""
        self.asked += torch.bincount(rows, minlength=len(self.asked))
        with torch.no_grad():
            logits = torch.cat([self.module(some) for some in torch.split(points, POINTS)])
        fooled: Tensor = (logits.argmax(1) != self.labels[rows]) & has_answer(logits)
        return fooled

    def ask(self, points: Tensor, rows: Tensor) -> Tensor:
        """The same with one point a row, of which the nearest adversarials are kept."""
        fooled = self.decide(points, rows)
        norms = torch.where(fooled, perturbation_norms(self.clean[rows], points, self.norm), torch.inf)
        nearer = norms < self.norms[rows]
        self.norms[rows[nearer]] = norms[nearer]
        self.nearest[rows[nearer]] = points[nearer]
        return fooled

    def left(self, rows: Tensor) -> Tensor:
        """Number of queries left of each row."""
        return self.queries - self.asked[rows]

    def forward(self, points: Tensor) -> Tensor:
        """(n, *shape) → (n, 2).

        Raises:
            Exhausted: every query is used.
        """
        rows = torch.arange(len(self.clean), device=points.device)
        if bool((self.left(rows) < 1).any()):
            raise Exhausted
        fooled = self.ask(points, rows)
        return torch.stack([~fooled, fooled], 1).float()


def smallest(
    module: nn.Module, clean: Tensor, labels: Tensor, rows: Tensor, bounds: Bounds, part: DecisionAttack
) -> tuple[Tensor, Tensor]:
    """Search around some of the images, from starts among all of them.

    Randomness comes from torch's global generator, which ``access`` seeds.

    Args:
        module: a classifier.
        clean: (n, *shape) within the bounds.
        labels: (n,) true labels.
        rows: (m,) images that the classifier answers rightly.
        bounds: bounds of every coordinate, which may be infinite.
        part: settings of the search.

    Returns:
        (m, *shape) nearest adversarials, the clean input where there is none, and (m,) the number of queries.
    """
    witness = Witness(module, clean[rows], labels[rows], part.norm, part.queries)
    witness.asked += 1  # for the class of the clean image, from which the others' starts are known
    starts, found = _starts(witness, clean, bounds)
    if len(found):
        search = _HopSkipJump(witness, bounds, part) if isinstance(part, HopSkipJump) else None
        here = _towards(witness, starts, found, FEWEST)
        if search is not None:
            search.run(here, found)
        elif isinstance(part, Boundary):
            _walk(witness, here, found, bounds, part)
    return witness.nearest, witness.asked


def _starts(witness: Witness, clean: Tensor, bounds: Bounds) -> tuple[Tensor, Tensor]:
    """Adversarial points, and the rows that they belong to: the nearest other images, else noise."""
    with torch.no_grad():
        logits = torch.cat([witness.module(some) for some in torch.split(clean, POINTS)])
    answers = torch.where(has_answer(logits), logits.argmax(1), -1)
    far = torch.cdist(witness.clean.flatten(1), clean.flatten(1), p=2.0 if witness.norm == "l2" else torch.inf)
    is_other = (answers[None] != witness.labels[:, None]) & (answers[None] >= 0)
    nearest = far.masked_fill(~is_other, torch.inf).min(1)
    starts = clean[nearest.indices].clone()
    has_start = torch.isfinite(nearest.values)
    # noise where a side is open: up to the images' own range beyond them
    low, high = single_precision(closed_around(bounds, clean, closed_around(bounds, clean).width))
    for _ in range(NOISE):
        rows = (~has_start & (witness.asked < witness.queries)).nonzero().squeeze(1)
        if not len(rows):
            break
        points = low + (high - low) * torch.rand_like(starts[rows])
        fooled = witness.ask(points, rows)
        starts[rows[fooled]] = points[fooled]
        has_start[rows[fooled]] = True
    found = has_start.nonzero().squeeze(1)
    return starts[found], found


def _towards(witness: Witness, points: Tensor, rows: Tensor, halvings: int) -> Tensor:
    """The last adversarial points towards the clean inputs by bisection: along segments, or in shrinking cubes."""
    clean = witness.clean[rows]
    offsets = points - clean
    sizes = perturbation_norms(clean, points, witness.norm).float()
    low, high = torch.zeros_like(sizes), torch.ones_like(sizes)
    best = points.clone()
    for _ in range(halvings):
        some = (witness.left(rows) > 0).nonzero().squeeze(1)
        if not len(some):
            break
        middle = _spread((low + high)[some] / 2, points)
        reach = middle * _spread(sizes[some], points)
        moved = middle * offsets[some] if witness.norm == "l2" else offsets[some].clamp(-reach, reach)
        tried = clean[some] + moved
        fooled = witness.ask(tried, rows[some])
        best[some[fooled]] = tried[fooled]
        halved = middle.flatten()
        high[some[fooled]], low[some[~fooled]] = halved[fooled], halved[~fooled]
    return best


class _HopSkipJump:
    """Algorithm 2 of Chen et al. 2020, with the norms and step sizes of its section IV."""

    def __init__(self, witness: Witness, bounds: Bounds, part: HopSkipJump) -> None:
        self.witness, self.part = witness, part
        self.low, self.high = single_precision(bounds)
        n_features = witness.clean[0].numel()
        # θ = d^(-3/2) in L2 and d^(-2) in L∞, as a share of the distance; far too coarse for a few features
        power = 1.5 if witness.norm == "l2" else 2.0
        self.halvings = min(max(FEWEST, math.ceil(power * math.log2(n_features))), MOST)
        self.share = min(1 / n_features, 0.1)

    def run(self, here: Tensor, rows: Tensor) -> None:
        """Search from points on the boundary until the queries are used."""
        overhead, step = self.halvings + TRIES, 0
        while True:
            step += 1
            kept = self.witness.left(rows) >= overhead + FEWEST_EVALUATIONS
            here, rows = here[kept], rows[kept]
            if not len(rows):
                return
            spare = int(self.witness.left(rows).min()) - overhead
            evaluations = min(int(self.part.evaluations * math.sqrt(step)), spare)
            distances = perturbation_norms(self.witness.clean[rows], here, self.witness.norm).float()
            normals = self._normals(here, rows, self.share * distances, evaluations)
            jumped = self._jump(here, rows, normals, distances / math.sqrt(step))
            here = _towards(self.witness, jumped, rows, self.halvings)

    def _normals(self, here: Tensor, rows: Tensor, reach: Tensor, evaluations: int) -> Tensor:
        """Monte Carlo estimates of the boundary's normals, less the decisions' mean (eq. 16): (m, *shape)."""
        total, plain, sums = torch.zeros_like(here), torch.zeros_like(here), torch.zeros_like(reach)
        wide = _spread(reach, here)
        at_once = max(1, min(evaluations, 8 * POINTS // len(rows)))
        for start in range(0, evaluations, at_once):
            shape = (min(at_once, evaluations - start), *here.shape)
            noise = torch.randn(shape, device=here.device)
            if self.witness.norm == "linf":
                noise = torch.rand(shape, device=here.device) * 2 - 1
            noise /= torch.linalg.vector_norm(noise.flatten(2), dim=2).reshape(*shape[:2], *[1] * (here.ndim - 1))
            points = (here + wide * noise).clamp(self.low, self.high)
            noise = (points - here) / wide.clamp(min=1e-30)
            fooled = self.witness.decide(points.flatten(0, 1), rows.repeat(shape[0])).reshape(shape[:2])
            signs = fooled.to(here) * 2 - 1
            total += (signs.reshape(*shape[:2], *[1] * (here.ndim - 1)) * noise).sum(0)
            plain += noise.sum(0)
            sums += signs.sum(0)
        mean = sums / evaluations
        mean = torch.where(mean.abs() == 1, 0.0, mean)  # all alike: their mean direction leads on, or back
        direction = total - _spread(mean, here) * plain
        if self.witness.norm == "linf":
            return direction.sign()
        length = torch.linalg.vector_norm(direction.flatten(1), dim=1).clamp(min=1e-30)
        return direction / _spread(length, here)

    def _jump(self, here: Tensor, rows: Tensor, normals: Tensor, lengths: Tensor) -> Tensor:
        """The points beyond the boundary that the first step that fools leads to, halved until one does."""
        reached = here.clone()
        open_ = torch.arange(len(rows), device=rows.device)
        for _ in range(TRIES):
            points = (here[open_] + _spread(lengths[open_], here) * normals[open_]).clamp(self.low, self.high)
            fooled = self.witness.ask(points, rows[open_])
            reached[open_[fooled]] = points[fooled]
            open_ = open_[~fooled]
            if not len(open_):
                break
            lengths = lengths / 2
        return reached


def _walk(witness: Witness, here: Tensor, rows: Tensor, bounds: Bounds, part: Boundary) -> None:
    """Foolbox's boundary attack from points on the boundary; what it meets is kept by a witness of these rows alone."""
    spent = int(witness.asked[rows].max())
    own = Witness(witness.module, witness.clean[rows], witness.labels[rows], witness.norm, witness.queries - spent)
    model = library_model(own, bounds, here.device)
    engine: Any = foolbox.attacks.BoundaryAttack(
        steps=part.queries, spherical_step=part.spherical_step, source_step=part.source_step
    )
    is_right = foolbox.Misclassification(torch.zeros(len(rows), dtype=torch.int64, device=here.device))
    try:
        engine.run(model, own.clean, is_right, starting_points=here)
    except Exhausted:
        pass
    except ValueError:  # of a randomised model, whose answer to a start was another one the second time
        pass
    nearer = own.norms < witness.norms[rows]
    witness.nearest[rows[nearer]] = own.nearest[nearer]
    witness.asked[rows] += own.asked


def _spread(values: Tensor, like: Tensor) -> Tensor:
    """Reshape (m,) to (m, 1, …), which broadcasts with (m, *shape)."""
    return values.reshape(-1, *[1] * (like.ndim - 1))
