"""Runs that are remembered, and what became of their cells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qaml.judge.outcome import Outcomes
from qaml.report.history import history_table, recall, remember, sparkline, trends
from tests.report.sample import sample


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store that remembers a run, one that is a little better, and one where a verdict has turned."""
    run = sample()
    remember(run, tmp_path)
    remember(_later(run, "2030-01-02T00:00:00+00:00", 0.1), tmp_path)
    first, *rest = run.outcomes
    turned = first.model_copy(update={"verdict": "refuted" if first.verdict != "refuted" else "supported"})
    remember(_later(run.model_copy(update={"outcomes": (turned, *rest)}), "2030-01-03T00:00:00+00:00", 0.0), tmp_path)
    return tmp_path


def _later(run: Outcomes, created: str, by: float) -> Outcomes:
    claims = []
    for outcome in run.outcomes:
        cells = tuple(
            cell.model_copy(update={"estimate": cell.estimate.model_copy(update={"value": cell.estimate.value + by})})
            for cell in outcome.cells
        )
        claims.append(outcome.model_copy(update={"cells": cells}))
    return run.model_copy(update={"created": created, "outcomes": tuple(claims)})


def test_every_cell_has_its_course(store: Path) -> None:
    runs = recall(store)
    assert [run.created[:4] for run in runs][1:] == ["2030", "2030"]
    every = trends(runs)
    assert len({trend.cell for trend in every}) == len(every) > 3
    first = every[0]
    assert first.values[1][0] == pytest.approx(first.values[0][0] + 0.1)
    assert all(trend.cell.split("/")[2].startswith("fgsm") for trend in trends(runs, ["*/fgsm*"]))


def test_the_table_shows_courses_and_turned_verdicts(store: Path) -> None:
    text = history_table(recall(store))
    assert "3 runs from" in text
    assert "▁█▁" in text
    assert "verdicts that changed" in text
    assert "→" in text.splitlines()[-1]


def test_other_profiles_and_other_files_are_passed_over(store: Path) -> None:
    (store / "history/broken.json").write_text("{")
    kept = json.loads(next((store / "history").glob("20*.json")).read_text())
    (store / "history/nested.json").write_text(json.dumps({**kept, "cells": {"a": [[1], 0]}}))
    assert len(recall(store)) == 3
    assert recall(store, "paper") == []
    assert history_table([]) == "no run has been kept yet"


def test_runs_of_the_same_second_are_both_kept(tmp_path: Path) -> None:
    assert remember(sample(), tmp_path) != remember(sample(), tmp_path)


def test_sparklines() -> None:
    assert sparkline([0.0, 0.5, 1.0, float("nan")]) == "▁▅█·"
    assert sparkline([0.3, 0.3]) == "▁▁"
    assert sparkline([]) == ""
