"""The conformance check of metrics."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from inspect import getdoc, signature
from typing import TYPE_CHECKING, Any

import numpy as np

from qaml.judge.numbers import number
from qaml.metrics.accuracy import Threat
from qaml.metrics.base import PARAMETERS, MetricPart
from qaml.metrics.contributions import Contributions
from qaml.metrics.crossing import FallingShare
from qaml.metrics.evidence import Attacked, Clean
from qaml.testing.material import check_settings, check_sources, global_generators_left_alone, scrambled

if TYPE_CHECKING:
    from qaml.metrics.base import Measure

SEEDS, IMAGES = 2, 60
EPSILONS = (0.1, 0.2)


@dataclass(frozen=True)
class Known:
    """An implementation of ``metrics.base.Evidence`` over given arrays."""

    clean: Clean
    attacks: Sequence[Attacked] = ()
    quantile: float = 0.5
    level: float = 0.5
    history: Sequence[Mapping[str, Sequence[float]]] = ()
    inspections: Sequence[Mapping[str, Any]] = ()

    @property
    def threats(self) -> Sequence[Threat]:
        """Each attack at its largest budget."""
        return [Threat(attacked, attacked.epsilons[-1]) for attacked in self.attacks]

    @property
    def attacked(self) -> Attacked:
        """The first attack."""
        return self.attacks[0]

    @property
    def seen(self) -> Clean | Attacked:
        """The first attack, or the clean images without one."""
        return self.attacks[0] if self.attacks else self.clean

    @property
    def epsilon(self) -> float | None:
        """The largest budget of the first attack."""
        return self.attacks[0].epsilons[-1] if self.attacks else None

    @property
    def radius(self) -> float:
        """A radius between two budgets."""
        return 0.15


def known(n_attacks: int = 1, seed: int = 0) -> Known:
    """Evidence with everything that qaml measures: two training runs, 60 images, attacks at two budgets.

    Args:
        n_attacks: number of attacks that the cell names.
        seed: seed of the numbers.
    """
    rng = np.random.default_rng(seed)
    places, shape = np.arange(IMAGES), (SEEDS, len(EPSILONS), IMAGES)
    clean = Clean(
        (rng.random((SEEDS, IMAGES)) < 0.95).astype(np.float32),
        places,
        shots=rng.integers(1, 900, (SEEDS, IMAGES)).astype(np.float64),
        within_noise=rng.random((SEEDS, IMAGES)) < 0.3,
    )
    ease = rng.random((SEEDS, 1, IMAGES))
    attacks = [
        Attacked(
            (ease + 0.2 * rng.random(shape) > np.array([0.2, 0.7])[:, None]).astype(np.float32),
            EPSILONS,
            places,
            norms=rng.exponential(0.2, (SEEDS, IMAGES)),
            low_frequency=rng.random(shape).astype(np.float32),
            shots=rng.integers(1, 900, shape).astype(np.float64),
            within_noise=rng.random(shape) < 0.3,
            fidelity=rng.random(shape),
        )
        for _ in range(n_attacks)
    ]
    curves = [{"loss": [2.0, 1.0 + run], "flips": [0.1, 0.2 + run]} for run in range(SEEDS)]
    inspections = [{"first": 1.0, "second": 1.5 + run, "angle": 20.0 + run} for run in range(SEEDS)]
    return Known(clean, attacks, history=curves, inspections=inspections)


def stronger(evidence: Known) -> Known:
    """The evidence after attacks that fool a third more of the images, all of them at half the distance."""
    fooled = np.arange(IMAGES) % 3 == 0
    changed = [
        each._replace(
            correct=np.where(fooled, np.float32(0), each.correct),
            norms=None if each.norms is None else each.norms / 2,
        )
        for each in evidence.attacks
    ]
    return replace(evidence, attacks=changed)


def check_metric(part: MetricPart) -> None:
    """Check a metric on made-up evidence (``known``).

    It needs a sentence for readers, a function whose parameters exist, results of the declared unit with a row a
    training run for any order of the images, a value that moves in the declared direction under a stronger attack, and
    unchanged evidence and global generators.

    Raises:
        AssertionError: a property does not hold; the message says what was expected.
    """
    check_settings(part)
    check_sources(part)
    assert (getdoc(part) or "").partition("\n\n")[0].endswith("."), f"{part.kind} has no sentence that says what it is"
    _check_function(part)
    numbers = {"none": (0,), "optional": (0, 1), "one": (1,), "several": (1, 2)}[part.attacks]
    for n_attacks in numbers:
        _check_value(part, known(n_attacks))
        if part.direction in ("falls", "rises") and n_attacks:
            _check_direction(part, known(n_attacks))


def _check_function(part: MetricPart) -> None:
    module, _, name = part.function.partition(":")
    found = vars(import_module(module)).get(name)
    assert callable(found), f"{part.kind}: {module} has no function {name!r}"
    unknown = [each for each in signature(found).parameters if each not in PARAMETERS]
    assert not unknown, f"{part.kind}: {name} asks for {', '.join(unknown)}; there are {', '.join(PARAMETERS)}"


def _check_value(part: MetricPart, evidence: Known) -> None:
    before = copy.deepcopy(evidence)
    scrambled(1)
    with global_generators_left_alone(f"metric {part.kind}"):
        measured = part.measure(evidence)
    np.testing.assert_equal(vars(evidence), vars(before), f"{part.kind} changed its evidence in place")
    values = _per_seed(part, measured)
    scrambled(2)
    assert values == _per_seed(part, part.measure(evidence)), f"{part.kind}, computed twice, differs"
    assert len(values) == SEEDS, f"{part.kind}: expected a value for each of {SEEDS} training runs, got {len(values)}"
    is_of_images = isinstance(measured, Contributions | FallingShare)
    assert is_of_images != part.is_of_training, f"{part.kind}: is_of_training does not fit a result of {type(measured)}"
    if part.unit == "share":
        assert isinstance(measured, Contributions), f"{part.kind}: a share needs Contributions, got {type(measured)}"
        assert all(0 <= value <= 1 for value in values), f"{part.kind}: expected shares between 0 and 1, got {values}"
    order = np.random.default_rng(1).permutation(IMAGES)
    mixed = replace(
        evidence, clean=_reordered(evidence.clean, order), attacks=[_reordered(a, order) for a in evidence.attacks]
    )
    again = part.measure(mixed)
    np.testing.assert_allclose(
        _per_seed(part, again), values, err_msg=f"{part.kind} depends on the order of images: pair them by indices"
    )
    if isinstance(measured, Contributions) and isinstance(again, Contributions):
        assert np.array_equal(measured.indices, again.indices), f"{part.kind}: indices are not in increasing order"


def _check_direction(part: MetricPart, evidence: Known) -> None:
    weak, strong = (_per_seed(part, part.measure(each)) for each in (evidence, stronger(evidence)))
    pairs = list(zip(weak, strong, strict=True))
    moved = all(b < a for a, b in pairs) if part.direction == "falls" else all(b > a for a, b in pairs)
    assert moved, f"{part.kind}: direction is {part.direction!r}, but a stronger attack took {weak} to {strong}"


def _per_seed(part: MetricPart, measured: Measure) -> tuple[float, ...]:
    is_known = isinstance(measured, Contributions | FallingShare | tuple)
    assert is_known, f"{part.kind}: expected Contributions, FallingShare or a tuple, got {type(measured)}"
    return tuple(map(float, number(measured).per_seed))


def _reordered(evidence: Any, order: np.ndarray) -> Any:
    """Clean or attacked evidence with its images in another order."""
    changed = {
        name: value[..., order]
        for name, value in evidence._asdict().items()
        if isinstance(value, np.ndarray) and value.shape[-1] == IMAGES
    }
    return evidence._replace(**changed)
