"""Baseline files: small, sorted, and never apart from their evidence."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qaml.files.checksum import seal, unseal
from qaml.gate.baseline import Evidence, GateError, read_baseline, write_baseline
from tests.hostile_npz import DAMAGES, packed

CELL = {"runs": 2, "images": 9, "data": "0" * 16, "measure": "1" * 16, "libraries": "", "weights": ("2" * 16, "3" * 16)}
ABOUT = {"created": "2026-11-28T12:00:00+00:00", "profile": "quick"}


def cell(accuracy: float, evidence: str) -> dict[str, Any]:
    return {**CELL, "accuracy": accuracy, "evidence": evidence}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    evidence = {
        "c0": Evidence((rng.random((2, 9)) < 0.7).astype(np.float32), np.arange(9)),
        "c1": Evidence((rng.integers(0, 17, (2, 9)) / 16).astype(np.float32), np.arange(9) + 5),
    }
    cells = {"s/b/clean": cell(0.5, "c1"), "s/a/fgsm@0.1": cell(0.7, "c0")}
    path = tmp_path / "sub" / "main.json"
    write_baseline(path, {**ABOUT, "cells": cells, "tolerances": {"s/a/*": 0.02, "*": 0.01}}, evidence)
    back = read_baseline(path)[1]
    for name, (correct, indices) in evidence.items():
        np.testing.assert_array_equal(back[name].correct, correct)
        np.testing.assert_array_equal(back[name].indices, indices)
    return path


def test_cells_are_sorted_and_short(saved: Path) -> None:
    text = saved.read_text()
    assert list(json.loads(text)["cells"]) == ["s/a/fgsm@0.1", "s/b/clean"]
    baseline, _ = read_baseline(saved)
    assert baseline.tolerance("s/a/fgsm@0.1") == 0.02
    assert baseline.tolerance("s/b/clean") == 0.01


def test_evidence_of_another_baseline_is_refused(saved: Path) -> None:
    np.savez(saved.with_suffix(".npz"), c0=np.zeros((2, 2), np.uint8))
    with pytest.raises(GateError, match=r"main\.npz of the baseline is not the one that it was saved with"):
        read_baseline(saved)
    saved.with_suffix(".npz").unlink()
    with pytest.raises(GateError, match=r"main\.npz of the baseline cannot be read: No such file"):
        read_baseline(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"level": 2}, r"is no baseline: level: Input should be less than or equal to 0\.5"),
        ({"schema_version": 9}, "is of version 9, expected 3"),
        ({"cells": {"s/a": {"accuracy": 1}}}, "is no baseline: cells.s/a.runs: Field required"),
        ({"reserve": 10**9}, "is no baseline: reserve: Input should be less than"),
        ({"cells": {"s/a": cell(float("nan"), "c0")}}, "is no baseline: cells.s/a.accuracy: Input should be"),
        ({"cells": {"s/a": {**cell(0.5, "c0"), "runs": 10**30}}}, "is no baseline: cells.s/a.runs: Input should be"),
        ({"surprise": 1}, "is no baseline: surprise: Extra inputs are not permitted"),
    ],
)
def test_what_is_no_baseline(saved: Path, change: dict[str, Any], message: str) -> None:
    content = json.loads(unseal(saved.read_bytes())[0])
    saved.write_text(seal(json.dumps({**content, **change})))
    with pytest.raises(GateError, match=message):
        read_baseline(saved)


def test_an_edited_baseline_is_refused(saved: Path) -> None:
    text = saved.read_text()
    for edited in (text.replace("0.02", "0.92"), text.replace('"schema_version": 3', '"schema_version": 1')):
        assert edited != text
        saved.write_text(edited)
        with pytest.raises(GateError, match="was edited or damaged"):
            read_baseline(saved)
    saved.write_bytes(unseal(text.encode())[0])
    with pytest.raises(GateError, match="its checksum is missing"):
        read_baseline(saved)


@pytest.mark.parametrize("stopped", [1, 2, 3])
def test_a_writer_that_is_stopped_leaves_the_old_files_or_the_new_ones(
    saved: Path, monkeypatch: pytest.MonkeyPatch, stopped: int
) -> None:
    baseline, evidence = read_baseline(saved)
    fields = baseline.model_dump(exclude={"evidence_sha256", "schema_version"})
    n_renames = 0
    rename = Path.replace

    def dying(self: Path, target: Path) -> Path:
        nonlocal n_renames
        n_renames += 1
        if n_renames == stopped:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", dying)
    with pytest.raises(KeyboardInterrupt):
        write_baseline(
            saved, fields | {"commit": "new"}, {n: e._replace(correct=1 - e.correct) for n, e in evidence.items()}
        )
    monkeypatch.undo()
    assert read_baseline(saved)[0].commit == ("new" if stopped == 3 else baseline.commit)
    write_baseline(saved, fields | {"commit": "newer"}, evidence)
    assert read_baseline(saved)[0].commit == "newer"
    assert sorted(path.name for path in saved.parent.iterdir()) == ["main.json", "main.npz"]


def test_a_level_that_is_none_is_a_clear_error(saved: Path) -> None:
    baseline, evidence = read_baseline(saved)
    fields = baseline.model_dump(exclude={"evidence_sha256", "schema_version"})
    with pytest.raises(GateError, match="no such baseline: level: Input should be greater than 0"):
        write_baseline(saved, fields | {"level": 0}, evidence)


def test_what_could_not_be_read_again_is_not_written(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    baseline, evidence = read_baseline(saved)
    fields = baseline.model_dump(exclude={"evidence_sha256", "schema_version"})
    before = saved.read_bytes()
    with pytest.raises(GateError, match=r"main\.npz has the name of a baseline's evidence"):
        write_baseline(saved.with_suffix(".npz"), fields, evidence)
    with pytest.raises(GateError, match=r"could not be read again: the arrays of s/a/fgsm@0\.1 are not of 2 runs on 9"):
        write_baseline(saved, fields, dict(evidence) | {"c0": Evidence(np.ones((2, 8), np.float32), np.arange(8))})
    monkeypatch.setattr("qaml.gate.baseline.MOST_BYTES", 100)
    with pytest.raises(GateError, match="too large to be read again"):
        write_baseline(saved, fields, evidence)
    monkeypatch.undo()
    assert saved.read_bytes() == before
    assert read_baseline(saved)[0] == baseline


def test_linked_files_stay_links_to_one_baseline(saved: Path) -> None:
    baseline, evidence = read_baseline(saved)
    link = saved.parent.parent / "link.json"
    link.symlink_to(saved)
    link.with_suffix(".npz").symlink_to(saved.with_suffix(".npz"))
    fields = baseline.model_dump(exclude={"evidence_sha256", "schema_version"})
    changed = {name: each._replace(correct=1 - each.correct) for name, each in evidence.items()}
    write_baseline(link, fields | {"commit": "new"}, changed)
    assert link.with_suffix(".npz").is_symlink()
    for path in (link, saved):
        assert read_baseline(path)[0].commit == "new"


def with_evidence(path: Path, content: bytes) -> None:
    """Both files, checksum and all, as somebody would commit them who means harm."""
    path.with_suffix(".npz").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    text = json.dumps({**json.loads(unseal(path.read_bytes())[0]), "evidence_sha256": digest})
    path.write_text(seal(text))


@pytest.mark.parametrize("name", DAMAGES)
def test_hostile_evidence_is_refused_in_words(saved: Path, name: str) -> None:
    with np.load(saved.with_suffix(".npz")) as file:
        arrays = {name: file[name] for name in file.files}
    with_evidence(saved, DAMAGES[name](arrays))
    with pytest.raises(GateError, match=r"main\.npz of the baseline is damaged: [^\n]+\n"):
        read_baseline(saved)


@pytest.mark.parametrize(
    "change",
    [
        {"c0": np.zeros((2, 9), np.uint8)},
        {"c0": np.zeros((3, 2), np.uint8)},
        {"c0": np.zeros((2, 2), np.int64)},
        {"c1": np.full((2, 9), np.nan, np.float32)},
        {"c1": np.full((2, 9), 1.5, np.float32)},
        {"c1": np.full((2, 9), np.inf, np.float32)},
        {"c0.indices": np.zeros(9, np.int32)},
        {"c0.indices": np.arange(9, dtype=np.int32) - 1},
        {"c0.indices": np.arange(8, dtype=np.int32)},
        {"c0.indices": np.arange(9.0)},
    ],
    ids=str,
)
def test_evidence_that_does_not_fit_its_cell_is_refused(saved: Path, change: dict[str, Any]) -> None:
    with np.load(saved.with_suffix(".npz")) as file:
        arrays = {name: file[name] for name in file.files} | change
    with_evidence(saved, packed(arrays))
    with pytest.raises(GateError, match=r"damaged: the arrays of s/[ab]/.* (are not of 2 runs on|do not hold)"):
        read_baseline(saved)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"cannot read the baseline .*none.json: No such file") as caught:
        read_baseline(tmp_path / "none.json")
    assert "qaml baseline save" in caught.value.hint
