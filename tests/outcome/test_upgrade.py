"""Files of every former version are read: one of each is kept in ``former``."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from qaml.errors import StoreError
from qaml.files.checksum import seal, unseal
from qaml.gate import baseline
from qaml.gate.baseline import GateError, read_baseline
from qaml.outcome import history, outcome
from qaml.outcome.history import recall
from qaml.outcome.merge import load, save
from qaml.outcome.upgrade import Format

FORMER = Path(__file__).parent / "former"
ROOT = Path(__file__).parent.parent.parent


class Kind(NamedTuple):
    """A format, how a folder with one file of it is read, and what must be in there."""

    form: Format
    read: Callable[[Path], Any]
    holds: Callable[[Any], bool]


def _recalled(file: Path) -> Any:
    found = recall(file.parent.parent)
    assert found.notes == []
    return found.runs[0]


KINDS = {
    "outcomes": Kind(outcome.FORMAT, load, lambda read: len(read.outcomes) == 3),
    "baseline": Kind(baseline.FORMAT, read_baseline, lambda read: read[0].cells["s/a/fgsm@0.1"].accuracy == 0.7),
    "history": Kind(history.FORMAT, _recalled, lambda read: len(read.verdicts) == 3),
}
CASES = [(name, version) for name, kind in KINDS.items() for version in range(1, kind.form.version + 1)]


@pytest.mark.parametrize(("name", "version"), CASES)
def test_a_file_of_every_version_is_read(tmp_path: Path, name: str, version: int) -> None:
    """A changed record needs a new version, a function that upgrades to it, and a file of it in ``former``."""
    (tmp_path / "history").mkdir()
    for file in FORMER.glob(f"{name}-{version}.*"):
        shutil.copy(file, tmp_path / "history")
    assert KINDS[name].holds(KINDS[name].read(tmp_path / "history" / f"{name}-{version}.json"))


def test_caveats_that_ended_the_words_of_models_are_fields(tmp_path: Path) -> None:
    text = unseal((FORMER / "outcomes-2.json").read_bytes())[0].decode()
    ending = 'on mnist28-10k, 3 training runs"'
    assert text.count(ending) == 1
    told = text.replace(ending, f'{ending[:-1]}. Caveat of mnist28-10k: copied. By hand: twice"')
    (tmp_path / "outcomes.json").write_text(seal(told))
    read = load(tmp_path).outcomes
    assert [outcome.caveats for outcome in read] == [{}, {"mnist28-10k": "copied. By hand: twice"}, {}]
    assert [o.setting for o in read] == [o.setting for o in load(FORMER / "outcomes-2.json").outcomes]


def test_the_page_on_formats_states_the_versions_of_today() -> None:
    page = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
    for words, name in {"outcomes": "outcomes", "baseline": "baseline", "earlier runs": "history"}.items():
        (row,) = (line for line in page.splitlines() if line.startswith(f"| {words},"))
        assert f"| {KINDS[name].form.version} |" in row


def test_what_was_read_is_written_in_the_version_of_today(tmp_path: Path) -> None:
    former = load(FORMER / "outcomes-1.json")
    save(former, tmp_path)
    assert load(tmp_path).model_dump_json() == former.model_dump_json()
    assert f'"schema_version": {outcome.FORMAT.version}' in (tmp_path / "outcomes.json").read_text("utf-8")


@pytest.mark.parametrize("version", [0, 9])
def test_an_unknown_version_is_said_and_nothing_is_called_damaged(tmp_path: Path, version: int) -> None:
    (tmp_path / "history").mkdir()
    file = tmp_path / "history" / "2030.json"
    file.write_text(seal(f'{{\n "schema_version": {version}, "of the future": 1}}'))
    said = f"is of version {version}, expected"
    with pytest.raises(StoreError, match=said):
        load(file)
    with pytest.raises(GateError, match=said):
        read_baseline(file)
    assert recall(tmp_path).notes == [f"{file} {said} {history.FORMAT.version}; it is left out"]
