from __future__ import annotations

import numpy as np
import pytest

from qaml.claims.base import ReportedTable
from qaml.judge.judge import judge
from tests.judge.sources import ArraySource, add, claim, correlated, entry, nothing_more


def two_models(seeds: int = 3, n: int = 400) -> ArraySource:
    generator = np.random.default_rng(5)
    difficulty = generator.standard_normal(n)
    source = ArraySource()
    for model, levels in {"strong": (0.95, 0.8, 0.7), "weak": (0.93, 0.6, 0.4)}.items():
        rows = [correlated(generator, np.full(seeds, level), difficulty, 0.8) for level in levels]
        add(source, model, rows[0], {"pgd": rows[1:]}, (0.1, 0.2))
    source.tables["table1"] = ReportedTable(
        metric="accuracy_under_attack", columns=("strong", "weak"), rows={"pgd": (0.7, 0.4), "clean": (0.95, 0.93)}
    )
    source.histories["strong"] = ({"loss": [2.0, 1.0]}, {"loss": [2.1, 0.9]}, {"loss": [2.2, 1.1]})
    return source


def test_notes_say_what_gradients_cost_and_who_answers_at_random() -> None:
    source = two_models()
    queries = np.stack([np.full((2, 400), 21), np.full((2, 400), 43), np.full((2, 400), 63)])
    paid = source.attacks["strong", "pgd"]._replace(queries=queries, spent=50 * queries)
    source.attacks["strong", "pgd"] = paid
    source.cleans["strong"] = source.cleans["strong"]._replace(draws=8)
    of = {"model": "strong", "attack": "pgd"}
    found = judge(entry(claim("bound", metric="robust_accuracy", of=of, at_least=0.05)), source, source.tables)
    assert "pgd on strong takes gradients from 43 circuits an image, 2,150 shots (the median)" in found.notes
    assert (
        "strong is randomised: of every image a share of 8 decisions counts, each from draws of its own" in found.notes
    )
    source.attacks["strong", "pgd"] = paid._replace(spent=None)
    found = judge(entry(claim("bound", metric="robust_accuracy", of=of, at_least=0.05)), source, source.tables)
    assert "pgd on strong takes gradients from 43 circuits an image, exact values (the median)" in found.notes


def test_judgement_has_everything_a_report_shows() -> None:
    source = two_models()
    part = claim(
        "difference",
        metric="robust_accuracy",
        of={"model": "strong", "attack": "pgd"},
        over={"model": "weak", "attack": "pgd"},
        at_least=0.05,
    )
    found = judge(entry(part), source, source.tables)
    assert found.verdict == "inconclusive"
    assert "the attack was not checked" in found.reason
    source.diagnoses["strong", "pgd"] = nothing_more(400, 0.2)
    assert judge(entry(part), source, source.tables).verdict == "supported"
    assert found.unit == "points"
    assert found.reason.startswith("+")
    assert "needed ≥ 5" in found.reason
    assert "3 seeds × 400 images" in found.reason
    (measurement,) = found.measured
    assert measurement.paper == pytest.approx(0.3)
    assert measurement.estimate.low <= measurement.estimate.value <= measurement.estimate.high
    assert [cell.model for cell in found.cells] == ["strong", "weak"]
    assert [cell.paper for cell in found.cells] == [0.7, 0.4]
    assert [cell.epsilon for cell in found.cells] == [0.2, 0.2]
    assert [(c.model, c.attack, c.is_worst_case) for c in found.curves] == [
        ("strong", "pgd", False),
        ("weak", "pgd", False),
        ("strong", "worst case", True),
        ("weak", "worst case", True),
    ]
    assert all(c.epsilons == (0.0, 0.1, 0.2) for c in found.curves)
    assert [t.name for t in found.training] == ["loss"]
    assert any("no diagnostics" in note for note in found.notes)


def test_contrast_value_is_the_plain_difference_of_means() -> None:
    source = two_models()
    part = claim(
        "difference",
        metric="accuracy_under_attack",
        of={"model": "strong", "attack": "pgd", "epsilon": 0.1},
        over={"model": "weak", "attack": "pgd", "epsilon": 0.1},
        at_least=0.0,
    )
    found = judge(entry(part), source)
    expected = source.attacks["strong", "pgd"].correct[:, 0].mean() - source.attacks["weak", "pgd"].correct[:, 0].mean()
    assert found.measured[0].estimate.value == pytest.approx(expected, abs=1e-7)
