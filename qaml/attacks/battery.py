"""The battery: attacks that fail in different ways, so that a claim's own attack cannot fail unseen.

Every member but the first few runs only on images that are still right. Losses are margins, which no scale of logits
flattens; a surrogate of the battery's own, values without gradients, the same weights without their defences and the
identity in place of what stops gradients avoid every kind of masking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from qaml.attacks.access import BATCH, View, access, as_it_is, is_fooled
from qaml.attacks.autoattack.part import AutoAttack
from qaml.attacks.base import AttackPart
from qaml.attacks.geometry import closed_around
from qaml.attacks.gradient.part import FGSM
from qaml.attacks.looks import RIVALS, Looking, Looks
from qaml.attacks.minimisation.part import HopSkipJump
from qaml.attacks.noise.part import UniformNoise
from qaml.attacks.scale import measure
from qaml.attacks.search import Ball, climb
from qaml.attacks.square.part import Square
from qaml.attacks.straight_through import StraightThrough, stops_gradients
from qaml.attacks.taught import taught
from qaml.attacks.victim import Made, Shares, Threat, Victim
from qaml.attacks.views import DoublePrecision
from qaml.models.seeding import derive_seed

WHOLE = ("fgsm", "noise", "transfer", "pgd")
"""Members that see every image, so that they can be compared with the claim's attack on all of them."""
STEPS, FEWER = 40, 20
"""Steps of the margin attack on every image, and of members that run on the images still right."""
RESTARTS = 10
"""Restarts of the attack limited by the bounds alone: with two coordinates 1 start in 4 ends on a local maximum."""
NOISE_DRAWS = 10
EOT_DRAWS = 16
QUERIES, MORE_QUERIES = 100, 1000
"""Queries of Square on images still right; more of them after a success, which shows that gradients failed."""
DECISIONS = 3000
"""Queries of HopSkipJump, which flat scores do not stop, where there are no gradients."""
PATIENCE = 60
"""Steps of SPSA where gradients are certainly of no use."""
WRONG = 0.05
"""Share of images fooled by members with less knowledge from which on gradients count as masked."""
FEW = 8
"""Number of images used to test whether something stops gradients."""

Member = Callable[[Tensor], Tensor]
"""Rows of the inputs → adversarials of these rows."""


class Battery:
    """One model's images under one threat.

    Args:
        victim: the model.
        threat: norm and budget.
        inputs: (n, *shape) clean inputs.
        labels: (n,) true labels.
    """

    def __init__(self, victim: Victim, threat: Threat, inputs: Tensor, labels: Tensor) -> None:
        self.victim = victim
        self.threat = threat
        self.inputs = inputs
        self.labels = labels
        self.looks = Looks(victim.target.module, threat.epsilon)
        self.correct: dict[str, Shares] = {}
        self.made: list[Made] = []
        """The adversarials of every member, for checks of budgets and distances."""
        rows = torch.arange(len(inputs), device=inputs.device)
        self.clean = victim.score(inputs, rows)

    def run(self, announce: Callable[[str], None], only: frozenset[str] = frozenset()) -> Mapping[str, Shares]:
        """Run the members; return each one's share of draws predicted correctly, (n,), NaN for images it left out.

        Args:
            announce: called with each member's name before it runs.
            only: names of members to run; all of them when empty.
        """
        for name, member in self._members():
            if only and name not in only:
                continue
            rows = self._rows(is_whole=name in WHOLE or bool(only))
            if len(rows):
                announce(name)
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
            yield "transfer", self._search(self.looks.margin, victim.surrogate, FEWER, ends=False)
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
                yield "eot", self._search(self.looks.margin, module, STEPS, view=victim.average)
            else:
                yield "eot", self._search(self.looks.margin, module, STEPS, draws=EOT_DRAWS)
        if self._vanishes():
            yield "float64", self._in_double_precision()

    def _past_masks(self) -> Iterator[tuple[str, Member]]:
        """Members that avoid what stops or shatters gradients."""
        module = self.victim.target.module
        if self.victim.undefended is not None and self.victim.is_seen:
            yield "undefended", self._search(self.looks.of_target, self.victim.undefended, FEWER)
        view: View = as_it_is
        if len(self.inputs) and self.victim.is_seen and stops_gradients(module, self.inputs[:FEW]):
            view = StraightThrough
            yield "straight_through", self._search(self.looks.margin, module, FEWER, view=view)
        is_masked = not self.victim.has_gradients or self.has_masked_gradients()
        if self.victim.has_gradients and is_masked:
            yield "smoothed", self._search(self.looks.around, module, FEWER, view=view)
        if self.victim.surrogate is not None and is_masked:
            yield "carried_on", self._carried_on(self.victim.surrogate, view)

    def _vanishes(self) -> bool:
        """Whether the margin has a gradient of exactly zero at an image that is still right."""
        rows = self._rows(is_whole=False)
        if not len(rows):
            return False
        inputs, labels = self.inputs[rows], self.labels[rows]
        with access(self.victim.target, inputs, labels, self.threat.seed) as held:
            look = self.looks.margin(held, inputs, labels, torch.Generator())
            places = torch.split(torch.arange(len(rows), device=inputs.device), BATCH)
            return any(bool((~look(inputs[some], some).gradient.flatten(1).any(1)).any()) for some in places)

    def _in_double_precision(self) -> Member:
        module = self.victim.target.module

        def run(rows: Tensor) -> Tensor:
            try:
                return self._search(self.looks.margin, module, STEPS, view=DoublePrecision)(rows)
            finally:
                module.float()

        return run

    def has_masked_gradients(self, share: float = 0.0) -> bool:
        """Whether members with less knowledge fooled images that the margin attack did not, beyond a share of them."""
        pgd, known = self.correct.get("pgd"), ("transfer", "noise", "fgsm", "undefended", "straight_through")
        others = [self.correct[name] for name in known if name in self.correct]
        return pgd is not None and any(float(((other < 1) & (pgd == 1)).mean()) > share for other in others)

    def _has_nothing_to_follow(self) -> bool:
        """Whether gradients are missing, or certainly wrong without another form of the classifier to replace them."""
        others = self.correct.keys() & {"undefended", "straight_through"}
        return not self.victim.has_gradients or (self.has_masked_gradients(WRONG) and not others)

    def _without_gradients(self, budget: tuple[float, ...]) -> Iterator[tuple[str, Member]]:
        if self._is_image():
            yield "square", self._square(budget, QUERIES)
            found = self.correct.get("square")
            if found is not None and bool((found < 1).any()):
                yield "more_square", self._square(budget, MORE_QUERIES)
        else:
            yield "differences", self._search(self.looks.differences, self.victim.target.module, FEWER)
            if not self.victim.has_gradients:
                yield "square", self._part(Square(norm=self.threat.norm, epsilon=budget, queries=MORE_QUERIES))
        if self.victim.surrogate is not None and self._has_nothing_to_follow() and not self.victim.is_randomised:
            yield "taught", self._taught(self.victim.surrogate)
        if not self.victim.has_gradients or self.has_masked_gradients(WRONG):
            yield "more_differences", self._search(self.looks.fine_differences, self.victim.target.module, PATIENCE)
        if not (self.victim.has_gradients or self.victim.is_randomised):
            part = HopSkipJump(norm=self.threat.norm, epsilon=budget, queries=DECISIONS)
            yield "hop_skip_jump", self._part(part)

    def _is_image(self) -> bool:
        shape = self.inputs.shape[1:]
        return len(shape) == 3 and min(shape[1:]) >= 5

    # --- how a member searches

    def _part(self, part: AttackPart) -> Member:
        """A member made of an attack that suites can name."""

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
            rivals = (self.looks.rival(place, module) for place in range(self._n_rivals()))
            for looking in (self.looks.of_target, *rivals):
                made = self._search(looking, surrogate, FEWER)(rows[left])
                if self.victim.has_gradients:
                    made = self._search(self.looks.margin, module, FEWER, view=view, start=made)(rows[left])
                found[left] = made
                if self.victim.is_randomised:  # one draw does not show which rows are right
                    break
                left = left[self._right_of(made, rows[left])]
                if not len(left):
                    break
            return found

        return run

    def _taught(self, surrogate: nn.Module) -> Member:
        """A member that follows a copy of the surrogate, trained further around the images."""
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
        """A member that maximises an objective; it ``ends`` where the classifier is fooled, if answers are not random.

        A search on another network goes on: the surer that network is of its mistake, the sooner others share it. It
        starts from random points, or from one for each row.
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
        found = self._search(self.looks.margin, module, STEPS)(rows)
        if self.victim.is_randomised:  # one draw does not show which rows are right
            return found
        if self.victim.target.n_classes > 2:  # otherwise both have the margin's direction
            rivals = [self.looks.rival(place) for place in range(self._n_rivals())]
            for loss in (self.looks.cross_entropy, *rivals):
                left = self._right_of(found, rows)
                if not len(left):
                    break
                found[left] = self._search(loss, module, FEWER)(rows[left])
        return found

    def _n_rivals(self) -> int:
        return min(RIVALS, self.victim.target.n_classes - 1)

    def _right_of(self, found: Tensor, rows: Tensor) -> Tensor:
        """The positions of adversarials that do not fool the classifier."""
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

    # --- without a budget

    def unbounded(self, reach: float) -> Shares:
        """The margin attack with the bounds as only limit, (n,); restarted on images still right.

        A side without a limit ends where the images do: within that box are all images with other answers, so that a
        classifier with at least two answers can be fooled.

        Args:
            reach: the largest perturbation that these bounds allow.
        """
        held = self.victim.target
        victim = self.victim._replace(target=held._replace(bounds=closed_around(held.bounds, self.inputs)))
        free = Battery(victim, self.threat._replace(epsilon=reach), self.inputs, self.labels)
        left = np.ones(len(self.labels), dtype=np.float32)
        for restart in range(RESTARTS):
            rows = torch.from_numpy(np.flatnonzero(left > 0)).to(self.inputs.device)
            if not len(rows):
                break
            free.threat = free.threat._replace(seed=derive_seed(self.threat.seed, "unbounded", restart))
            found = free._search(free.looks.margin, self.victim.target.module, STEPS)(rows)
            left[rows.cpu().numpy()] = self.victim.score(found, rows)
        return left
