"""Attacks made on another model, on two at once, and a detector, from a spec to the report."""

from __future__ import annotations

import pytest

from tests.plugin.project import Project

pytestmark = pytest.mark.slow


def test_from_spec_to_report(project: Project) -> None:
    project.spec("detectors")
    result = project.pytest()
    assert result.outcomes == {
        "detectors::detects": "passed",
        "detectors::adaptive": "xfailed",
        "detectors::transfers": "passed",
    }, result.out
    detects, adaptive, transfers = project.report()["outcomes"]
    rates = {m["label"]: m["estimate"]["value"] for outcome in (detects, adaptive) for m in outcome["measured"]}
    assert rates["true positive rate of pair"] > 2 * rates["true positive rate of adaptive"] > 0
    (curve,) = detects["rocs"]
    own = curve["thresholds"].index(0.0)
    assert curve["true_positives"][own] == pytest.approx(rates["true positive rate of pair"])
    assert curve["false_positives"][own] == pytest.approx(rates["false positive rate of pair"])
    assert "adversarials (all seeds) that fool every model they were made on" in detects["notes"][-1]
    assert detects["setting"]["pair"].startswith("disagreement: models linear fnn")
    assert [cell["surrogate"] for cell in transfers["cells"]] == ["linear", None]
    crafts = [title for title in project.artefacts() if title.startswith("attack ")]
    assert sorted(crafts) == ["attack linear + fnn with pgd, seed 0", "attack linear with pgd, seed 0"]
