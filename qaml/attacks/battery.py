"""The battery: attacks that fail in different ways, so that a claim's own attack cannot fail unseen.

Every member but the first few runs only on images that are still right. Losses are margins, which no scale of logits
flattens; a surrogate of the battery's own, values without gradients, the same weights without their defences and the
identity in place of what stops gradients look past whatever masks them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qaml.attacks.access import BATCH, View, access, as_it_is, is_fooled
from qaml.attacks.autoattack.part import AutoAttack
from qaml.attacks.base import AttackPart, Target
from qaml.attacks.gradient.part import FGSM
from qaml.attacks.noise.part import UniformNoise
from qaml.attacks.scale import cross_entropy, measure
from qaml.attacks.search import (
    Ball,
    Look,
    by_differences,
    by_gradient,
    climb,
    margin,
    nearest_rivals,
    towards,
)
from qaml.attacks.straight_through import StraightThrough, stops_gradients
from qaml.attacks.taught import taught
from qaml.models.seeding import derive_seed
from qaml.vocab import Norm

WHOLE = ("fgsm", "noise", "transfer", "pgd")
"""Members that see every image, so that they can be compared with the claim's attack on all of them."""
STEPS, FEWER = 40, 20
"""Of the margin attack on every image, and of members that run on what it left."""
RESTARTS = 10
"""Of the attack that only the bounds limit: with two coordinates one start in four ends on a local maximum."""
NOISE_DRAWS = 10
EOT_DRAWS = 16
RIVALS = 3
"""Nearest classes that are headed for by name."""
QUERIES, MORE_QUERIES = 100, 1000
"""Of Square on what is still right; the more where the fewer found something, so gradients had failed."""
PAIRS, MORE_PAIRS, PATIENCE, REACH = 16, 64, 60, 0.5
"""Of SPSA: evaluations a gradient, and how far from the point as a share of the budget; more of them, and more steps,
where gradients are surely of no use."""
WRONG = 0.05
"""Share of images fooled by what knows less, from which on they are."""
SMOOTHED, AROUND = 8, 0.25
"""Gradients averaged around a point, and how far around it as a share of the budget."""
FEW = 8
"""Images on which it is tried whether something stops gradients."""

Shares = NDArray[np.float32]


class Victim(NamedTuple):
    """A trained classifier with what the battery may know of it.

    Attributes:
        target: the classifier as an attacker sees it.
        score: (n, *shape) → (n,) float32, share of draws predicted correctly, for inputs of the rows given.
        is_randomised: whether its forward pass draws.
        has_gradients: whether its logits are differentiable.
        undefended: the same weights without the defences around them.
        surrogate: a network trained on its answers.
        average: its exact average over draws, as a view.
    """

    target: Target
    score: Callable[[Tensor, Tensor], Shares]
    is_randomised: bool = False
    has_gradients: bool = True
    undefended: nn.Module | None = None
    surrogate: nn.Module | None = None
    average: View | None = None


class Threat(NamedTuple):
    """What the battery attacks with: norm, budget, seed of every draw."""

    norm: Norm
    epsilon: float
    seed: int


class Made(NamedTuple):
    """What one member made.

    Attributes:
        rows: (m,) of the inputs.
        adversarials: (m, *shape).
        correct: (m,) share of draws predicted correctly.
    """

    rows: Tensor
    adversarials: Tensor
    correct: Shares


Looking = Callable[[nn.Module, Tensor, Tensor, torch.Generator], Look]
"""(classifier, clean (n, *shape), labels (n,), generator) → how the classifier is looked at."""
Member = Callable[[Tensor], Tensor]
"""Rows of the inputs → adversarials of these rows."""


class Battery:
    """One model's images under one threat.

    Args:
        victim: the model.
        threat: norm and budget.
        inputs: (n, *shape) clean.
        labels: (n,).
    """

    def __init__(self, victim: Victim, threat: Threat, inputs: Tensor, labels: Tensor) -> None:
        self.victim = victim
        self.threat = threat
        self.inputs = inputs
        self.labels = labels
        self.correct: dict[str, Shares] = {}
        self.made: list[Made] = []
        """What every member made, for whoever checks budgets and distances."""
        rows = torch.arange(len(inputs), device=inputs.device)
        self.clean = victim.score(inputs, rows)

    def run(self, tell: Callable[[str], None], only: frozenset[str] = frozenset()) -> Mapping[str, Shares]:
        """Each member's share of draws predicted correctly, (n,), NaN where it did not look.

        Args:
            tell: told each member's name before it runs.
            only: names of members to run; all of them when empty.
        """
        for name, member in self._members():
            if only and name not in only:
                continue
            rows = self._rows(is_whole=name in WHOLE or bool(only))
            if len(rows):
                tell(name)
                self._look(name, member, rows)
        return self.correct

    def _rows(self, *, is_whole: bool) -> Tensor:
        right = np.ones(len(self.labels), dtype=bool) if is_whole else self._still_right() > 0
        return torch.from_numpy(np.flatnonzero(right)).to(self.inputs.device)

    def _still_right(self) -> Shares:
        """The smallest share of draws right so far, clean inputs included."""
        seen = [np.where(np.isnan(shares), 1.0, shares) for shares in self.correct.values()]
        smallest: Shares = np.min([self.clean, *seen], axis=0).astype(np.float32)
        return smallest

    def _look(self, name: str, member: Member, rows: Tensor) -> None:
        found = member(rows)
        shares = np.full(len(self.labels), np.nan, dtype=np.float32)
        shares[rows.cpu().numpy()] = self.victim.score(found, rows)
        self.correct[name] = shares
        self.made.append(Made(rows, found, shares[rows.cpu().numpy()]))

    def _members(self) -> Iterator[tuple[str, Member]]:
        victim, (norm, epsilon, _) = self.victim, self.threat
        budget = (epsilon,)
        if victim.has_gradients:
            yield "fgsm", self._part(FGSM(kind="fgsm", norm=norm, epsilon=budget))
        yield "noise", self._part(UniformNoise(kind="uniform_noise", norm=norm, epsilon=budget, draws=NOISE_DRAWS))
        if victim.surrogate is not None:
            yield "transfer", self._search(self._margin, victim.surrogate, FEWER, ends=False)
        if victim.has_gradients:
            yield "pgd", self._strong
            yield from self._closer()
        yield from self._past_masks()
        yield from self._without_gradients(budget)

    def _closer(self) -> Iterator[tuple[str, Member]]:
        """Members that differentiate the classifier, or what it is made of, in other ways."""
        victim, module = self.victim, self.victim.target.module
        if victim.is_randomised:
            if victim.average is not None:
                yield "eot", self._search(self._margin, module, STEPS, view=victim.average)
            else:
                yield "eot", self._search(self._margin, module, STEPS, draws=EOT_DRAWS)
        if self._vanishes():
            yield "float64", self._in_double_precision()

    def _past_masks(self) -> Iterator[tuple[str, Member]]:
        """Members that look past what stops or shatters gradients."""
        module = self.victim.target.module
        if self.victim.undefended is not None:
            yield "undefended", self._search(self._of_target, self.victim.undefended, FEWER)
        view: View = as_it_is
        if len(self.inputs) and stops_gradients(module, self.inputs[:FEW]):
            view = StraightThrough
            yield "straight_through", self._search(self._margin, module, FEWER, view=view)
        is_masked = not self.victim.has_gradients or self.has_masked_gradients()
        if self.victim.has_gradients and is_masked:
            yield "smoothed", self._search(self._around, module, FEWER, view=view)
        if self.victim.surrogate is not None and is_masked:
            yield "carried_on", self._carried_on(self.victim.surrogate, view)

    def _vanishes(self) -> bool:
        """Whether the margin has a gradient of exactly zero at an image that is still right."""
        rows = self._rows(is_whole=False)
        if not len(rows):
            return False
        inputs, labels = self.inputs[rows], self.labels[rows]
        with access(self.victim.target, inputs, labels, self.threat.seed) as held:
            look = self._margin(held, inputs, labels, torch.Generator())
            places = torch.split(torch.arange(len(rows), device=inputs.device), BATCH)
            return any(bool((~look(inputs[some], some).gradient.flatten(1).any(1)).any()) for some in places)

    def _in_double_precision(self) -> Member:
        module = self.victim.target.module

        def run(rows: Tensor) -> Tensor:
            try:
                return self._search(self._margin, module, STEPS, view=lambda held: _Double(held.double()))(rows)
            finally:
                module.float()

        return run

    def has_masked_gradients(self, share: float = 0.0) -> bool:
        """Whether something that knows less fooled what the margin attack did not, beyond a share of the images."""
        pgd, known = self.correct.get("pgd"), ("transfer", "noise", "fgsm", "undefended", "straight_through")
        others = [self.correct[name] for name in known if name in self.correct]
        return pgd is not None and any(float(((other < 1) & (pgd == 1)).mean()) > share for other in others)

    def _has_nothing_to_follow(self) -> bool:
        """Whether gradients are missing, or surely wrong and those of no other form of the classifier stand in."""
        others = self.correct.keys() & {"undefended", "straight_through"}
        return not self.victim.has_gradients or (self.has_masked_gradients(WRONG) and not others)

    def _without_gradients(self, budget: tuple[float, ...]) -> Iterator[tuple[str, Member]]:
        if self._is_image():
            yield "square", self._square(budget, QUERIES)
            found = self.correct.get("square")
            if found is not None and bool((found < 1).any()):
                yield "more_square", self._square(budget, MORE_QUERIES)
        else:
            yield "differences", self._search(self._differences, self.victim.target.module, FEWER)
        if self.victim.surrogate is not None and self._has_nothing_to_follow() and not self.victim.is_randomised:
            yield "taught", self._taught(self.victim.surrogate)
        if not self.victim.has_gradients or self.has_masked_gradients(WRONG):
            yield "more_differences", self._search(self._fine_differences, self.victim.target.module, PATIENCE)

    def _is_image(self) -> bool:
        shape = self.inputs.shape[1:]
        return len(shape) == 3 and min(shape[1:]) >= 5

    # --- how a member searches

    def _part(self, part: AttackPart) -> Member:
        """One of the attacks that suites name."""

        def run(rows: Tensor) -> Tensor:
            held = self.victim.target._replace(is_counted=False)
            made = part.run(held, self.inputs[rows], self.labels[rows], self.threat.seed, lambda _: None)
            return torch.from_numpy(made.adversarials[-1]).to(self.inputs.device)

        return run

    def _carried_on(self, surrogate: nn.Module, view: View) -> Member:
        """From the surrogate's adversarials on along the classifier's own gradient, where it has one.

        Of outputs that end somewhere that gradient is dead at clean inputs and alive at the boundary, next to which the
        surrogate leads: by its margin, and towards each of its nearest rivals.
        """
        module = self.victim.target.module

        def run(rows: Tensor) -> Tensor:
            found, left = self.inputs[rows].clone(), torch.arange(len(rows), device=rows.device)
            for looking in (self._of_target, *(self._rival(place, module) for place in range(self._n_rivals()))):
                made = self._search(looking, surrogate, FEWER)(rows[left])
                if self.victim.has_gradients:
                    made = self._search(self._margin, module, FEWER, view=view, start=made)(rows[left])
                found[left] = made
                if self.victim.is_randomised:  # one draw tells not which rows are still right
                    break
                left = left[self._right_of(made, rows[left])]
                if not len(left):
                    break
            return found

        return run

    def _taught(self, surrogate: nn.Module) -> Member:
        """By a copy of the surrogate that learns on around the images."""
        ball = Ball(self.threat.norm, self.threat.epsilon, self.victim.target.bounds)

        def run(rows: Tensor) -> Tensor:
            inputs, labels = self.inputs[rows], self.labels[rows]
            generator = torch.Generator().manual_seed(derive_seed(self.threat.seed, "taught"))
            with access(self.victim.target, inputs, labels, self.threat.seed) as held:
                scale = measure(held, self.inputs).factor

                @torch.no_grad()
                def answer(points: Tensor) -> Tensor:
                    return torch.cat([held(some).double() * scale for some in torch.split(points, BATCH)])

                return taught(answer, surrogate, ball, inputs, labels, generator)

        return run

    def _square(self, budget: tuple[float, ...], queries: int) -> Member:
        return self._part(
            AutoAttack(kind="autoattack", norm=self.threat.norm, epsilon=budget, members=("square",), queries=queries)
        )

    def _search(
        self,
        looking: Looking,
        module: nn.Module,
        steps: int,
        *,
        view: View = as_it_is,
        draws: int = 1,
        ends: bool = True,
        start: Tensor | None = None,
    ) -> Member:
        """A climb by whatever the classifier is looked at with; ``ends`` where it is fooled, if answers are not random.

        What is made on another network goes on: the surer that one is of its mistake, the sooner others share it. From
        random points, or from one for each row.
        """
        ball = Ball(self.threat.norm, self.threat.epsilon, self.victim.target.bounds)

        def run(rows: Tensor) -> Tensor:
            inputs, labels = self.inputs[rows], self.labels[rows]
            held = self.victim.target._replace(module=module)
            generator = torch.Generator().manual_seed(derive_seed(self.threat.seed, "start"))
            with access(held, inputs, labels, self.threat.seed, draws, view) as viewed:
                look = looking(viewed, inputs, labels, generator)
                is_over = ends and not self.victim.is_randomised
                return climb(look, ball, inputs, steps, generator, ends=is_over, start=start)

        return run

    def _strong(self, rows: Tensor) -> Tensor:
        """The margin, then on what is still right cross-entropy at a scale where it has a gradient, then the margins of
        the nearest rivals: each climbs out where the others are stuck (Croce & Hein 2020, section 5)."""  # noqa: D205, D209
        module = self.victim.target.module
        found = self._search(self._margin, module, STEPS)(rows)
        if self.victim.is_randomised:  # one draw tells not which rows are still right
            return found
        if self.victim.target.n_classes > 2:  # otherwise both have the margin's direction
            rivals = [self._rival(place) for place in range(self._n_rivals())]
            for loss in (self._cross_entropy, *rivals):
                left = self._right_of(found, rows)
                if not len(left):
                    break
                found[left] = self._search(loss, module, FEWER)(rows[left])
        return found

    def _n_rivals(self) -> int:
        return min(RIVALS, self.victim.target.n_classes - 1)

    def _right_of(self, found: Tensor, rows: Tensor) -> Tensor:
        """Places of adversarials that fool nobody."""
        with access(self.victim.target, self.inputs[rows], self.labels[rows], self.threat.seed) as held:
            fooled = torch.cat(
                [
                    is_fooled(held, some, labels)
                    for some, labels in zip(
                        torch.split(found, BATCH), torch.split(self.labels[rows], BATCH), strict=True
                    )
                ]
            )
        return (~fooled).nonzero().squeeze(1)

    def _rival(self, place: int, judge: nn.Module | None = None) -> Looking:
        """The margin of the rival that is next but ``place`` at the clean input."""

        def looking(module: nn.Module, clean: Tensor, labels: Tensor, _: torch.Generator) -> Look:
            rivals = nearest_rivals(module, clean, labels, RIVALS)[place]
            return by_gradient(module, labels, towards(rivals), judge=judge)

        return looking

    def _cross_entropy(self, module: nn.Module, clean: Tensor, labels: Tensor, _: torch.Generator) -> Look:
        scale = measure(module, clean).factor
        return by_gradient(module, labels, lambda logits, own, _: cross_entropy(logits, own, scale))

    def _margin(self, module: nn.Module, _: Tensor, labels: Tensor, __: torch.Generator) -> Look:
        return by_gradient(module, labels, lambda logits, own, _: margin(logits, own))

    def _of_target(self, module: nn.Module, _: Tensor, labels: Tensor, __: torch.Generator) -> Look:
        """The margin of another form of the classifier, until the classifier itself is fooled."""
        judge = self.victim.target.module
        return by_gradient(module, labels, lambda logits, own, _: margin(logits, own), judge=judge)

    def _around(self, module: nn.Module, _: Tensor, labels: Tensor, generator: torch.Generator) -> Look:
        smoothed = _Around(module, AROUND * self.threat.epsilon, SMOOTHED, generator)
        return by_gradient(smoothed, labels, lambda logits, own, _: margin(logits, own), judge=module)

    def _differences(self, module: nn.Module, _: Tensor, labels: Tensor, generator: torch.Generator) -> Look:
        return by_differences(module, labels, REACH * self.threat.epsilon, PAIRS, generator)

    def _fine_differences(self, module: nn.Module, _: Tensor, labels: Tensor, generator: torch.Generator) -> Look:
        return by_differences(module, labels, REACH * self.threat.epsilon, MORE_PAIRS, generator)

    # --- without a budget

    def unbounded(self, reach: float) -> Shares:
        """The margin attack with the bounds as only limit, (n,); restarted on what is still right.

        Args:
            reach: the largest perturbation that the bounds allow.
        """
        free = Battery(self.victim, self.threat._replace(epsilon=reach), self.inputs, self.labels)
        left = np.ones(len(self.labels), dtype=np.float32)
        for restart in range(RESTARTS):
            rows = torch.from_numpy(np.flatnonzero(left > 0)).to(self.inputs.device)
            if not len(rows):
                break
            free.threat = free.threat._replace(seed=derive_seed(self.threat.seed, "unbounded", restart))
            found = free._search(free._margin, self.victim.target.module, STEPS)(rows)
            left[rows.cpu().numpy()] = self.victim.score(found, rows)
        return left


class _Double(nn.Module):
    """A classifier in double precision, for inputs in single: gradients of 1e-46 are zero in float32."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (batch, *shape) to float64 logits (batch, classes)."""
        logits: Tensor = self.module(inputs.double())
        return logits.double()


class _Around(nn.Module):
    """The mean of a classifier's logits around a point: what shatters gradients averages out (Athalye et al. 2018)."""

    def __init__(self, module: nn.Module, reach: float, draws: int, generator: torch.Generator) -> None:
        super().__init__()
        self.module = module
        self.reach = reach
        self.draws = draws
        self.generator = generator

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (batch, *shape) to mean logits (batch, classes)."""
        total: Tensor | None = None
        for _ in range(self.draws):
            noise = (torch.rand(inputs.shape, generator=self.generator) * 2 - 1) * self.reach
            logits: Tensor = self.module(inputs + noise.to(inputs))
            total = logits if total is None else total + logits
        assert total is not None
        return total / self.draws
