"""Runs that are remembered, and what became of their cells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qaml.files.checksum import unseal
from qaml.outcome import history
from qaml.outcome.history import is_repeated, recall, recall_for, remember, trends
from qaml.outcome.outcome import Outcomes
from qaml.outcome.past import Past
from qaml.report.text.history import history_table, sparkline
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
    runs = recall(store).runs
    assert [run.created[:4] for run in runs][1:] == ["2030", "2030"]
    every = trends(runs)
    assert len({trend.cell for trend in every}) == len(every) > 3
    first = every[0]
    assert first.values[1][0] == pytest.approx(first.values[0][0] + 0.1)
    assert all(trend.cell.split("/")[2].startswith("fgsm") for trend in trends(runs, ["*/fgsm*"]))


def test_the_table_shows_courses_and_turned_verdicts(store: Path) -> None:
    text = history_table(recall(store).runs)
    assert "3 runs from" in text
    assert "▁█▁" in text
    assert "verdicts that changed" in text
    assert "→" in text.splitlines()[-1]


def test_damaged_files_are_left_out_and_named(store: Path) -> None:
    kept = sorted((store / "history").glob("20*.json"))[0]
    (store / "history/broken.json").write_text("{")
    plain = json.loads(unseal(kept.read_bytes())[0])
    (store / "history/nested.json").write_text(json.dumps({**plain, "cells": {"a": [[1], 0]}}))
    (store / "history/folder.json").mkdir()
    runs, notes = recall(store)
    assert len(runs) == 3
    assert [note.split("/history/")[1] for note in notes] == [
        "nested.json is damaged and left out: delete it",
        "folder.json cannot be read: Not a regular file but a folder; it is left out",
        "broken.json is damaged and left out: delete it",
    ]
    before = {path: path.read_bytes() for path in (store / "history").iterdir() if path.is_file()}
    assert recall(store, "paper").runs == []
    assert {path: path.read_bytes() for path in (store / "history").iterdir() if path.is_file()} == before
    assert history_table([]) == "no run has been kept yet"


def test_a_changed_number_and_a_missing_checksum_are_damage(store: Path) -> None:
    kept = sorted((store / "history").glob("20*.json"))[0]
    content = kept.read_bytes()
    kept.write_bytes(content.replace(b"supported", b"refuted!!", 1).replace(b"refuted!!", b"refuted", 1))
    assert len(recall(store).runs) == 2
    kept.write_bytes(unseal(content)[0])
    assert len(recall(store).runs) == 2


def test_a_report_reads_no_older_runs_than_it_tells_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = sample()
    other = run.model_copy(update={"profile": "quick"})
    for day in range(1, 29):
        created = f"2030-01-{day:02}T00:00:00+00:00"
        remember((other if day == 20 else run).model_copy(update={"created": created}), tmp_path)
    read: list[str] = []
    real = history._read

    def counted(path: Path) -> Past:
        read.append(path.name)
        return real(path)

    monkeypatch.setattr(history, "_read", counted)
    runs, notes = recall_for(run, tmp_path)
    assert [past.created[8:10] for past in runs] == [f"{day:02}" for day in range(7, 29) if day != 20]  # 20 and itself
    assert (len(read), notes) == (22, [])


def test_a_history_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "history").write_text("in the way")
    runs, (note,) = recall(tmp_path)
    assert runs == []
    assert "cannot be read: Not a directory" in note


def test_a_run_is_the_last_one_again_if_it_adds_nothing(tmp_path: Path) -> None:
    run = sample()
    remember(run, tmp_path)
    runs = recall_for(run, tmp_path).runs
    first, *rest = run.outcomes
    assert is_repeated(run.model_copy(update={"created": "2030-01-01T00:00:00+00:00"}), runs)
    assert is_repeated(run.model_copy(update={"outcomes": tuple(rest)}), runs)
    assert not is_repeated(run, [])
    assert not is_repeated(_later(run, run.created, 0.1), runs)
    for name, value in (
        ("verdict", "refuted" if first.verdict != "refuted" else "supported"),
        ("id", "another"),
        ("provenance", first.provenance.model_copy(update={"commit": "fffffffffff"})),
    ):
        other = first.model_copy(update={name: value})
        assert not is_repeated(run.model_copy(update={"outcomes": (other, *rest)}), runs), name


def test_runs_that_end_at_once_are_all_kept(tmp_path: Path) -> None:
    assert len({remember(sample(), tmp_path) for _ in range(5)}) == 5


def test_sparklines() -> None:
    assert sparkline([0.0, 0.5, 1.0, float("nan")]) == "▁▅█·"
    assert sparkline([0.3, 0.3]) == "▁▁"
    assert sparkline([]) == ""
