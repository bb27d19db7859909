"""The estimator that a claim's rule uses: contrasts of cells with intervals, limited by findings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from qaml.attacks.elsewhere import SEPARATOR
from qaml.claims.base import Cell, Estimate, ReportedTable, Term
from qaml.errors import RunError
from qaml.judge.findings.comparisons import ALWAYS
from qaml.judge.gap import OUT_OF_SCOPE, Checked, Gap, about_attacks
from qaml.judge.nearest import OUT_OF_SCOPE as NO_NORMS
from qaml.judge.nearest import Shrunk
from qaml.judge.nested import as_one_share
from qaml.judge.numbers import Quantity, contrast, number, predicted, scalar, without_runs
from qaml.judge.papers import paper_contrast
from qaml.judge.resolve import Resolved, Resolver
from qaml.judge.standing import NOTHING_KNOWN, Standing
from qaml.judge.statistics.crossed import components, contrast_interval, share_interval
from qaml.judge.statistics.limits import Limits, LimitsAt, p_value
from qaml.judge.statistics.paired import tango
from qaml.judge.statistics.prediction import images_of_both, predicted_share, runs_needed
from qaml.judge.statistics.runs import Arm, net_skew
from qaml.judge.statistics.shifted import gap_of, moved
from qaml.judge.weakness import Effect
from qaml.metrics.contributions import Contributions, align
from qaml.types import DoubleArray


class SourceEstimator:
    """Implements ``claims.base.Estimator`` over evidence.

    Args:
        resolver: resolver of the claim's evidence.
        effect: cell → effect of its findings.
        tables: name → reported table of the suite.
        judges_tables: whether this scale may be compared with a paper's own values.
        known: findings about the models by themselves, which also count for detectors.
        checked: cell → the images that the battery fools beyond the cell's own attacks.
        left_open: attack → names of its settings that the paper does not state.
        shrunk: cell → the factor by which nearer adversarials reduce its norms.
    """

    def __init__(
        self,
        resolver: Resolver,
        effect: Callable[[Cell], Effect],
        tables: Mapping[str, ReportedTable],
        judges_tables: bool,
        known: Standing = NOTHING_KNOWN,
        checked: Callable[[Cell], Checked] = lambda _: OUT_OF_SCOPE,
        left_open: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
        shrunk: Callable[[Cell], Shrunk] = lambda _: NO_NORMS,
    ) -> None:
        self.resolver = resolver
        self.effect = effect
        self.tables = tables
        self.checked = checked
        self.shrunk = shrunk
        self._judges_tables = judges_tables
        self._known = known
        self._left_open = left_open
        self.asked: dict[Cell, None] = {}

    @property
    def judges_tables(self) -> bool:
        """Whether this scale may be compared with a paper's own values."""
        return self._judges_tables

    def contrast(self, terms: Sequence[Term], *, against: Sequence[float] = (0.0,), level: float = 0.95) -> Estimate:
        """Estimate Σ weight × cell; images are paired by index, training runs also if models share their weights."""
        resolved = [self.resolver.resolve(cell) for cell, _ in terms]
        self.asked.update(dict.fromkeys(cell for cell, _ in terms))
        shares = [one for one in resolved if isinstance(one, Contributions)]
        models, weights = (
            [self.resolver.source.weights_of(cell.model) for cell, _ in terms],
            [weight for _, weight in terms],
        )
        least, most = _reach(terms)
        if len(shares) < len(resolved):
            estimate = _of_numbers(resolved, models, weights, against, level)
        elif (lost := as_one_share(terms, shares, self.resolver)) is not None:
            estimate = _of_shares(models[:1], [lost], [1.0], against, level)
            least = 0.0  # also with the battery: an adversarial within the smaller budget is within the larger one
        else:
            estimate = _of_shares(models, shares, weights, against, level)
        limited = self._limited(estimate, terms, level)
        return _within(limited, least, most)._replace(paper=paper_contrast(terms, self.tables))

    def epsilons(self, cell: Cell) -> tuple[float, ...]:
        """The budgets that all of the cell's attacks have."""
        return self.resolver.grid(cell)

    def parameter(self, model: str, name: str) -> tuple[tuple[float, ...], ...]:
        """A trained parameter: one vector a seed."""
        return self.resolver.source.parameter(model, name)

    def over_seeds(self, values: Sequence[float], *, against: Sequence[float] = (0.0,)) -> Estimate:
        """Student's interval over training runs; unlimited for a single one."""
        estimate = _estimate(scalar(tuple(values)), against, 0.95)
        return estimate._replace(is_void=any(math.isnan(value) for value in values))

    def predict(self, cell: Cell, table: ReportedTable, level: float = 0.95) -> Estimate:
        """Prediction interval of the paper's value, given ours."""
        found = self.resolver.resolve(cell)
        terms = (Term(cell, 1.0),)
        estimate = self.contrast(terms, level=level)
        if isinstance(found, Contributions):
            limits = predicted_share(found.values, found.n_base, table.n, table.seeds, table.reading_error, level)
        else:
            limits = predicted(number(found), table.seeds or 1, table.reading_error, level)
        method = "prediction interval"
        return estimate._replace(low=limits.low, high=limits.high, method=method, p_value=math.nan)

    def runs_needed(self, cell: Cell, table: ReportedTable, half_width: float) -> int | None:
        """Number of our training runs for a prediction within ``half_width``, if they vary as the present ones do."""
        found = self.resolver.resolve(cell)
        own = number(found)
        if isinstance(found, Contributions):
            images = math.hypot(*images_of_both(found.values, found.n_base, table.n))
        else:
            images = without_runs(own)
        return runs_needed(own.per_seed, table.seeds or 1, images, table.reading_error, half_width)

    def left_open(self, attack: str) -> tuple[str, ...]:
        """The settings of an attack that the paper does not state, also if it is made on another model."""
        return self._left_open.get(attack) or self._left_open.get(attack.partition(SEPARATOR)[0], ())

    def detection(self, detector: str) -> tuple[Estimate, Estimate]:
        """True and false positive rates of a detector.

        Raises:
            RunError: the source has no evidence of detectors.
        """
        found = self.resolver.source.detections(detector)
        is_void = any(self._known.is_void(model, (attack,) if attack else ()) for model, attack in found.heard)
        is_void |= any(pair in self._known.failed for pair in found.heard)
        adversarial, clean = (_detected(flags)._replace(is_void=is_void) for flags in (found.adversarial, found.clean))
        return adversarial, clean

    def reported(self, table: str) -> ReportedTable:
        """One of the suite's tables of reported values."""
        if table not in self.tables:
            raise RunError(f"the suite has no reported table {table!r}", f"it has {', '.join(self.tables) or 'none'}")
        return self.tables[table]

    def _limited(self, estimate: Estimate, terms: Sequence[Term], level: float) -> Estimate:
        """Open the interval on the sides that findings name, except for models of which it compares two attacks."""
        exempt = about_attacks(terms)
        effects = [(self.effect(cell), weight > 0) for cell, weight in terms]
        estimate = estimate._replace(is_void=any(e.is_void for e, _ in effects) or math.isnan(estimate.value))
        effects = [each for each, (cell, _) in zip(effects, terms, strict=True) if cell.model not in exempt]
        estimate = estimate._replace(
            may_be_lower=any(e.may_be_lower if plus else e.may_be_higher for e, plus in effects),
            may_be_higher=any(e.may_be_higher if plus else e.may_be_lower for e, plus in effects),
        )
        return self._with_nearest(self._with_battery(estimate, terms, exempt, level), terms, exempt)

    def _with_nearest(self, estimate: Estimate, terms: Sequence[Term], exempt: frozenset[str]) -> Estimate:
        """Set the ends that follow from the nearest known adversarials in place of the norms that the attacks found."""
        lost, unchecked = [0.0, 0.0], list(estimate.is_unchecked)
        for cell, weight in terms:
            found = self.shrunk(cell) if cell.model not in exempt else NO_NORMS
            side = 0 if weight > 0 else 1
            if found.is_in_scope and found.factor is None:
                lost[side], unchecked[side] = math.inf, True
            elif found.factor is not None and found.factor < 1:
                lost[side] += abs(weight) * number(self.resolver.resolve(cell)).value * (1 - found.factor)
        low, high = estimate.worst_low, estimate.worst_high
        if lost[0] > 0:
            low = (estimate.low if low is None else low) - lost[0] if math.isfinite(lost[0]) else -math.inf
        if lost[1] > 0:
            high = (estimate.high if high is None else high) + lost[1] if math.isfinite(lost[1]) else math.inf
        finite = sum(each for each in lost if math.isfinite(each))
        return estimate._replace(
            worst_low=low, worst_high=high, gap=estimate.gap + finite, is_unchecked=(unchecked[0], unchecked[1])
        )

    def _with_battery(
        self, estimate: Estimate, terms: Sequence[Term], exempt: frozenset[str], level: float
    ) -> Estimate:
        """Set the ends that count the battery's images beyond the cells' own attacks; unknown if it did not run."""
        down: list[tuple[float, Gap]] = []
        up: list[tuple[float, Gap]] = []
        unchecked = [False, False]
        for cell, weight in terms:
            found = self.checked(cell) if cell.model not in exempt else OUT_OF_SCOPE
            is_lower = (weight > 0) == (cell.definition.direction == "falls")
            if found.is_in_scope and found.gap is None:
                unchecked[0 if is_lower else 1] = True
            elif found.gap is not None:
                (down if is_lower else up).append((abs(weight), found.gap))
                if found.gap.value > 0:
                    estimate = estimate._replace(n_differing=None)  # it counts images under their own attacks only
                if found.gap.value > ALWAYS:
                    estimate = _opened(estimate, is_lower=is_lower)
        least, most = _reach(terms)
        low = least if unchecked[0] else _shifted(estimate, down, -1, level)
        high = most if unchecked[1] else _shifted(estimate, up, 1, level)
        gap = sum(weight * each.value for weight, each in (down or up))
        return estimate._replace(
            worst_low=low,
            worst_high=high,
            gap=gap,
            is_unchecked=(unchecked[0], unchecked[1]),
        )


def _opened(estimate: Estimate, *, is_lower: bool) -> Estimate:
    """Leave the interval open on one side: the battery fools so many more images that the attack has failed."""
    return estimate._replace(may_be_lower=True) if is_lower else estimate._replace(may_be_higher=True)


def _within(estimate: Estimate, least: float, most: float) -> Estimate:
    """The battery's ends, limited to the values that the contrast can have."""
    low, high = estimate.worst_low, estimate.worst_high
    return estimate._replace(
        worst_low=None if low is None else max(low, least), worst_high=None if high is None else min(high, most)
    )


def _reach(terms: Sequence[Term]) -> tuple[float, float]:
    """The smallest and the largest value that a contrast can have; infinite unless all of its cells are shares."""
    if any(cell.definition.unit != "share" for cell, _ in terms):
        return -math.inf, math.inf
    weights = [weight for _, weight in terms]
    return sum(min(weight, 0.0) for weight in weights), sum(max(weight, 0.0) for weight in weights)


def _shifted(estimate: Estimate, gaps: Sequence[tuple[float, Gap]], sign: int, level: float) -> float | None:
    """One end of the interval less (or plus) the gaps; ``None`` without any."""
    if not gaps or not math.isfinite(estimate.value):
        return None
    value, limits = estimate.value, Limits(estimate.low, estimate.high)
    for weight, gap in gaps:
        known = gap_of(gap.fooled, gap.n, level)
        limits = moved(limits, value, known, -sign * weight)
        value += sign * weight * known.share
    return limits.low if sign < 0 else limits.high


def _detected(flags: np.ndarray) -> Estimate:
    values = np.asarray(flags, dtype=np.float64)
    contributions = Contributions(values, np.arange(values.shape[1]), True, float(values.shape[1]))
    rate = _of_shares(["detector"], [contributions], [1.0], (0.0,), 0.95)
    return rate._replace(p_value=math.nan)  # the two rates have thresholds of their own


class _Method(NamedTuple):
    interval: LimitsAt
    name: str


def _of_shares(
    models: Sequence[str],
    shares: Sequence[Contributions],
    weights: Sequence[float],
    against: Sequence[float],
    level: float,
) -> Estimate:
    """A contrast of averages over images: crossed random effects, or an exact method for one training run."""
    aligned = align([(share.values, share.indices) for share in shares])
    n = len(aligned.indices)
    terms = [
        _Share(model, row, weight, share.n_base * n / len(share.indices))
        for model, row, weight, share in zip(models, aligned.rows, weights, shares, strict=True)
    ]
    arms: dict[str, DoubleArray] = {}
    for model, row, weight, _ in terms:
        arms[model] = arms[model] + weight * row if model in arms else weight * row
    seeds = [arm.mean(axis=1) for arm in arms.values()]
    n_seeds = min(len(seed) for seed in seeds)
    per_seed = tuple(float(sum(seed[s] for seed in seeds)) for s in range(n_seeds))
    value = float(sum(seed.mean() for seed in seeds))
    if math.isnan(value):
        return Estimate(value, -math.inf, math.inf, per_seed, n_seeds, n, method="no image to judge")
    is_single = len(terms) == 1 and weights[0] == 1 and shares[0].is_share
    method = _single(terms[0]) if is_single else _paired(list(arms.values()), terms)
    ends = method.interval(level)
    low = max(ends.low, sum(min(weight, 0.0) for weight in weights))
    high = min(ends.high, sum(max(weight, 0.0) for weight in weights))
    p = p_value(method.interval, _nearest(value, against))
    n_differing = _n_differing(list(arms.values()))
    return Estimate(value, low, high, per_seed, n_seeds, n, p, method.name, level=level, n_differing=n_differing)


def _n_differing(arms: Sequence[DoubleArray]) -> int | None:
    """Number of images on which a contrast is not zero, added up over runs that are paired in order."""
    if len({len(arm) for arm in arms}) > 1:
        return None
    return int(np.count_nonzero(np.abs(np.sum(arms, axis=0)) > 1e-12))


class _Share(NamedTuple):
    model: str
    row: DoubleArray
    weight: float
    n_base: float


def _single(share: _Share) -> _Method:
    is_one = len(share.row) == 1
    name = "Wilson, of this trained model" if is_one else "seeds × images: log-odds for seeds, Wilson for images"
    return _Method(share_interval(share.row, share.n_base), name)


def _paired(arms: list[DoubleArray], terms: Sequence[_Share]) -> _Method:
    weights = [term.weight for term in terms]
    if all(len(arm) == 1 for arm in arms):
        is_binary = all(bool(np.isin(term.row, (0.0, 1.0)).all()) for term in terms)
        if sorted(weights) == [-1.0, 1.0] and is_binary:
            difference = sum(arm[0] for arm in arms)
            gained, lost = int((difference > 0.5).sum()), int((difference < -0.5).sum())
            return _Method(lambda level: tango(gained, lost, len(difference), level), "Tango, of these trained models")
        name = "paired images, of these trained models"
    else:
        name = "seeds × images, images paired, Welch"
    scale = max(abs(weight) for weight in weights)
    return _Method(contrast_interval(components(arms), scale, net_skew(_lone(terms))), name)


def _lone(terms: Sequence[_Share]) -> list[Arm]:
    """The models with one share in a contrast and several training runs; such a share may be near 0 or 1."""
    counts = Counter(term.model for term in terms)
    return [
        Arm(term.row.mean(axis=1), term.n_base, term.weight)
        for term in terms
        if counts[term.model] == 1 and len(term.row) > 1
    ]


def _of_numbers(
    resolved: Sequence[Resolved],
    models: Sequence[str],
    weights: Sequence[float],
    against: Sequence[float],
    level: float,
) -> Estimate:
    """The estimate of a contrast of numbers that are not all averages over images."""
    return _estimate(contrast([number(one) for one in resolved], weights, models), against, level)


def _estimate(measured: Quantity, against: Sequence[float], level: float) -> Estimate:
    low, high = measured.interval(level)
    p = math.nan
    if math.isfinite(measured.value) and len(measured.per_seed) > 0:
        p = p_value(measured.interval, _nearest(measured.value, against), n_steps=20)
    n_seeds = len(measured.per_seed)
    return Estimate(
        measured.value, low, high, measured.per_seed, n_seeds, measured.n_images, p, measured.method, level=level
    )


def _nearest(value: float, against: Sequence[float]) -> float:
    return min(against, key=lambda threshold: abs(value - threshold))
