"""False alarms on healthy simulations, and misses on broken ones (bars: < 0.1 % and ≥ 99 %)."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from qaml.judge.findings import OF_RUNS, findings_of, look
from qaml.judge.findings.model import ModelEvidence
from qaml.judge.findings.subject import Subject
from qaml.metrics.evidence import Attacked, Clean, Diagnosis
from tests.campaign.whole import drawn
from tests.judge.sources import correlated, traits

STATISTICAL = (
    "iterative_weaker_than_one_step",
    "transfer_beats_white_box",
    "noise_as_strong",
    "success_falls_with_epsilon",
    "unbounded_attack_fails",
    "no_averaging",
)
ORDER = ("clean", "noise", "transfer", "small", "fgsm", "pgd", "own", "eot", "unbounded")
HEALTHY = dict(zip(ORDER, (0.95, 0.93, 0.70, 0.60, 0.45, 0.45, 0.45, 0.45, 0.001), strict=True))
"""True accuracies: one step, strong, own and averaged attack are equally strong, the hardest healthy case."""
BROKEN = {
    "iterative_weaker_than_one_step": {"fgsm": 0.30},
    "transfer_beats_white_box": {"transfer": 0.30},
    "noise_as_strong": {"noise": 0.85, "own": 0.90},
    "success_falls_with_epsilon": {"own": 0.75},
    "unbounded_attack_fails": {"unbounded": 0.10},
    "no_averaging": {"eot": 0.30},
}


def simulate(generator: np.random.Generator, n: int, accuracies: dict[str, float]) -> Subject:
    """A model whose images are as hard for every attack up to noise; what clean inputs get wrong stays wrong."""
    shares = np.array([accuracies[name] for name in ORDER])
    rows = correlated(generator, shares, generator.standard_normal(n), 0.85).astype(bool)
    correct: dict[str, NDArray[np.bool_]] = {name: row & rows[0] for name, row in zip(ORDER, rows, strict=True)}
    own = np.stack([correct["small"], correct["own"]])[None].astype(np.float32)
    indices = np.arange(n)
    battery = {name: correct[name] for name in ("noise", "transfer", "fgsm", "pgd", "eot", "unbounded")}
    diagnosis = Diagnosis(0.2, indices, rows[0], battery, np.zeros(n, dtype=bool))
    clean = Clean(rows[:1].astype(np.float32), indices)
    return Subject("model", traits("bim"), clean, Attacked(own, (0.1, 0.2), indices), diagnosis)


def alarms(repetitions: int, n: int, accuracies: dict[str, float], seed: int) -> Counter[str]:
    generator = np.random.default_rng(seed)
    found: Counter[str] = Counter()
    for _ in range(repetitions):
        found.update({f.name for f in findings_of(simulate(generator, n, accuracies)) if f.severity == "weak"})
    return found


def assert_quiet(found: Counter[str], repetitions: int) -> None:
    """Fewer alarms than a true rate of 0.1 % would give, plus three standard errors."""
    limit = 0.001 * repetitions + 3 * np.sqrt(0.001 * repetitions)
    for name in STATISTICAL:
        assert found[name] <= limit, f"{name}: {found[name]} of {repetitions}"


@pytest.mark.parametrize("n", [100, 500])
def test_healthy_models_raise_no_alarm(n: int) -> None:
    """A check that 1 % of healthy models raise is noticed in 97 % of the samples, one that 0.4 % raise by the whole."""
    repetitions = drawn(1000, 5000)
    assert_quiet(alarms(repetitions, n, HEALTHY, n), repetitions)


@pytest.mark.parametrize("name", STATISTICAL)
def test_broken_models_are_noticed(name: str) -> None:
    """The sample allows one miss: a check that misses 8 % of the models fails with 96 %."""
    repetitions = drawn(60, 1000)
    found = alarms(repetitions, 500, HEALTHY | BROKEN[name], 3)
    assert found[name] >= repetitions - max(1, repetitions // 100)


@pytest.mark.parametrize(("rate", "lowest", "highest"), [(0.05, 0.0, 0.001), (0.08, 0.0, 0.003), (0.5, 0.985, 1.0)])
def test_planted_adversarials_missed_at_a_rate(rate: float, lowest: float, highest: float) -> None:
    """A sound attack misses 5 to 8 % on models with two features (bar: one alarm in a thousand), a broken one half."""
    subject = simulate(np.random.default_rng(4), 200, HEALTHY)
    assert subject.diagnosis is not None
    n, alarmed = 32, 0.0
    for count in range(n + 1):
        diagnosis = subject.diagnosis._replace(planted_missed=np.random.default_rng(count).permutation(n) < count)
        names = {finding.name for finding in findings_of(subject._replace(diagnosis=diagnosis))}
        alarmed += stats.binom.pmf(count, n, rate) * ("planted_missed" in names)
    assert lowest <= alarmed <= highest


@pytest.mark.parametrize("n_seeds", [3, 5, 10])
@pytest.mark.parametrize("deviation", [0.0, 0.04, 0.08])
def test_spread_seeds_have_not_collapsed(n_seeds: int, deviation: float) -> None:
    generator = np.random.default_rng(n_seeds)
    repetitions = 4000
    accuracies = np.clip(generator.normal(0.85, deviation, (repetitions, n_seeds)), 0, 1)
    indices = np.arange(1)
    found = sum(_has_collapsed(row, indices) for row in accuracies)
    assert found <= 0.001 * repetitions


@pytest.mark.parametrize("n_seeds", [3, 5, 10])
def test_a_collapsed_seed_is_noticed(n_seeds: int) -> None:
    generator = np.random.default_rng(n_seeds)
    accuracies = np.clip(generator.normal(0.85, 0.03, (1000, n_seeds)), 0, 1)
    accuracies[:, 0] = 0.1
    found = sum(_has_collapsed(row, np.arange(1)) for row in accuracies)
    assert found >= 990


def _has_collapsed(accuracies: NDArray[np.float64], indices: NDArray[np.int64]) -> bool:
    clean = Clean(accuracies[:, None].astype(np.float32), indices)
    return any(look(OF_RUNS, ModelEvidence("model", clean)))
