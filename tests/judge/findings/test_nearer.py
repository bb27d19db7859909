"""Norms beside nearer adversarials of others: the finding, its cure, and what a claimed distance must survive."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from qaml.claims.base import Cell
from qaml.judge.findings import findings_of
from qaml.judge.findings.norms import nearer_share
from qaml.judge.findings.subject import Rival, Subject
from qaml.judge.judge import Judgement, judge
from qaml.judge.nearest import Shrunk, shrunk
from qaml.metrics.evidence import Attacked, Clean, Nearer
from tests.judge.sources import ArraySource, claim, entry, traits

N, RUNS = 200, 2
INDICES = np.arange(1000, 1000 + N)
TRUE = np.tile(np.linspace(0.5, 1.5, N), (RUNS, 1))
"""Smallest norms; the last tenth of the images is wrong without any perturbation."""
CLEAN = Clean(np.tile((np.arange(N) < 0.9 * N).astype(np.float32), (RUNS, 1)), INDICES)
MINIMISES = traits("cw", norm="l2", minimises=True)


def attacked(norms: NDArray[np.float64]) -> Attacked:
    found = np.where(CLEAN.correct > 0.5, norms, 0.0)
    return Attacked(np.isinf(found).astype(np.float32)[:, None], (np.inf,), INDICES, norms=found)


def battery(norms: NDArray[np.float64], n: int = 100) -> Nearer:
    """The first images, spread over the runs."""
    runs = np.arange(n) % RUNS
    return Nearer(INDICES[:n], runs, norms[runs, np.arange(n)])


def subject(own: NDArray[np.float64], known: Nearer | None, *rivals: Rival) -> Subject:
    return Subject("m", MINIMISES, CLEAN, attacked(own), rivals=rivals, nearer=known)


def severities(one: Subject) -> list[tuple[str, str]]:
    return [(finding.name, finding.severity) for finding in findings_of(one)]


def farther(n_images: int, factor: float) -> NDArray[np.float64]:
    """The attack stays this much too far on some of the battery's images."""
    return np.where(np.arange(N) < n_images, factor * TRUE, TRUE)


@pytest.mark.parametrize(
    ("n_images", "factor", "expected"),
    [
        (0, 1.0, []),
        (100, 1.049, []),  # within 5 %
        (4, 2.0, []),  # too few to tell
        (10, 2.0, [("another_attack_is_nearer", "note")]),
        (11, 2.0, [("another_attack_is_nearer", "weak")]),
        (100, 1.06, [("another_attack_is_nearer", "weak")]),
        (11, np.inf, [("another_attack_is_nearer", "weak")]),
    ],
)
def test_the_finding(n_images: int, factor: float, expected: list[tuple[str, str]]) -> None:
    one = subject(farther(n_images, factor), battery(TRUE))
    assert severities(one) == expected
    assert nearer_share(one) == ((n_images if factor > 1.05 else 0) / 100, 100)


def test_an_attack_that_is_itself_the_nearest_has_no_finding() -> None:
    assert severities(subject(TRUE, battery(3 * TRUE))) == []
    assert severities(subject(TRUE, battery(np.full_like(TRUE, np.inf)))) == []


def test_a_single_run_that_is_masked_is_seen() -> None:
    one_run = TRUE * np.array([[1.0], [1.5]])
    (finding,) = findings_of(subject(one_run, battery(TRUE)))
    assert finding.severity == "weak"
    assert finding.message.startswith("on 50.0 % of 100 images another attack, or the exact distance within the bounds")
    assert finding.message.endswith("1.5 times as far in the median")


def test_the_claims_own_rivals_count_in_the_same_norm_only() -> None:
    near = attacked(0.5 * TRUE)
    nothing = battery(np.full_like(TRUE, np.inf))
    for rival, is_nearer in (
        (MINIMISES._replace(name="deepfool"), True),
        (traits("deepfool", norm="linf", minimises=True), False),
        (traits("moved", norm="l2", minimises=True, is_white_box=False, surrogate="cnn"), False),
        (traits("exact", norm="l2", minimises=True, is_exact=True), False),  # it ignores the bounds
    ):
        assert bool(severities(subject(TRUE, nothing, Rival(rival, near)))) is is_nearer


def test_nobody_looked() -> None:
    assert severities(subject(3 * TRUE, None)) == []
    assert nearer_share(subject(3 * TRUE, None)) == (0.0, 0)


def cell(**fields: object) -> Cell:
    return Cell.model_validate({"model": "m", "attack": "cw", "metric": "norm_quantile", **fields})


@pytest.mark.parametrize(
    ("fields", "own", "known", "expected"),
    [
        ({}, TRUE, TRUE, Shrunk(True, 1.0)),
        ({}, 2 * TRUE, TRUE, Shrunk(True, 0.5)),
        ({"quantile": 0.9}, 2 * TRUE, TRUE, Shrunk(True, 0.5)),
        ({}, np.full_like(TRUE, np.inf), TRUE, Shrunk(True, 0.0)),
        ({}, np.full_like(TRUE, np.inf), np.full_like(TRUE, np.inf), Shrunk(True, 1.0)),
        ({"protocol": "as_published"}, 2 * TRUE, TRUE, Shrunk(False, None)),
        ({"metric": "robust_accuracy"}, 2 * TRUE, TRUE, Shrunk(False, None)),
    ],
)
def test_the_factor(
    fields: dict[str, object], own: NDArray[np.float64], known: NDArray[np.float64], expected: Shrunk
) -> None:
    assert shrunk(cell(**fields), {"cw": subject(own, battery(known))}) == expected


def test_a_few_images_are_as_good_as_none() -> None:
    assert shrunk(cell(), {"cw": subject(TRUE, battery(TRUE, 9))}) == Shrunk(True, None)
    assert shrunk(cell(), {"cw": subject(TRUE, None)}) == Shrunk(True, None)


@dataclass
class Source(ArraySource):
    """One that was also asked for nearer adversarials."""

    known: Nearer | None = None
    names: tuple[str, ...] = field(default=("cw", "deepfool"))

    def nearer(self, model: str, attack: str) -> Nearer | None:
        return self.known if model == "m" and attack in self.names else None


def judged(known: Nearer | None, at_least: float, attack: str | list[str] = "cw", **norms: float) -> Judgement:
    source = Source(known=known, cleans={"m": CLEAN})
    for name, factor in norms.items():
        source.all_traits[name] = MINIMISES._replace(name=name)
        source.attacks["m", name] = attacked(factor * TRUE)
    part = claim("bound", metric="norm_quantile", of={"model": "m", "attack": attack}, at_least=at_least)
    return judge(entry(part), source)


def test_a_distance_is_supported_only_if_it_holds_for_the_nearest_known() -> None:
    assert judged(battery(TRUE), 0.5, cw=1.0).verdict == "supported"
    # 3 % nearer on every image raises no finding, but the claim was within them
    limit = judged(battery(TRUE), 0.5, cw=1.0).measured[0].estimate.low
    assert judged(battery(TRUE), 0.999 * limit, cw=1.0).verdict == "supported"
    close = judged(battery(0.97 * TRUE), 0.999 * limit, cw=1.0)
    assert (close.verdict, close.findings) == ("invalid", ())
    assert "with the battery at most" in close.reason


def test_a_weak_attack_may_refute_and_not_support() -> None:
    assert judged(battery(TRUE), 0.5, cw=2.0).verdict == "invalid"
    assert judged(battery(TRUE), 9.0, cw=2.0).verdict == "refuted"


def test_a_nearer_attack_in_the_same_cell_cures() -> None:
    assert judged(battery(TRUE), 0.5, ["cw", "deepfool"], cw=2.0, deepfool=1.0).verdict == "supported"
    assert judged(battery(TRUE), 0.5, ["cw", "deepfool"], cw=2.0, deepfool=1.2).verdict == "invalid"


def test_without_anybody_who_looked_it_is_inconclusive() -> None:
    assert judged(None, 0.5, cw=1.0).verdict == "inconclusive"
    assert judged(None, 9.0, cw=1.0).verdict == "refuted"


def test_an_upper_limit_needs_no_nearer_attack() -> None:
    source = Source(known=None, cleans={"m": CLEAN}, attacks={("m", "cw"): attacked(TRUE)})
    source.all_traits["cw"] = MINIMISES
    part = claim("bound", metric="norm_quantile", of={"model": "m", "attack": "cw"}, at_most=3.0)
    assert judge(entry(part), source).verdict == "supported"
