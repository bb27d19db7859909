"""Outcomes that somebody else wrote: what is no outcome is refused in words, and what is one is shown without harm."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from qaml.errors import QamlError
from qaml.files.checksum import seal
from qaml.outcome.history import recall, with_earlier
from qaml.outcome.merge import load, save
from qaml.outcome.outcome import Outcomes
from qaml.report.pages.compare import compare_table
from qaml.report.pages.html import write_report
from qaml.report.text.history import history_table
from qaml.report.text.markdown import summary
from qaml.report.text.terminal import failure, table
from tests.campaign.whole import drawn
from tests.hostile_json import TEXTS, mutated
from tests.report.sample import sample, write_media
from tests.report.test_html import with_suffix

SAMPLE = sample()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a small report: the outcomes, and the pictures they show."""
    write_media(tmp_path)
    save(sample(), tmp_path)
    return tmp_path


@pytest.mark.parametrize("is_sealed", [False, True], ids=["plain", "sealed"])
@pytest.mark.parametrize("name", TEXTS)
def test_what_is_no_file_of_outcomes_is_refused_in_words(tmp_path: Path, name: str, is_sealed: bool) -> None:
    content = TEXTS[name]
    if is_sealed:
        content = seal(content.decode("latin-1")).encode("latin-1", "replace")
    (tmp_path / "outcomes.json").write_bytes(content)
    with pytest.raises(QamlError) as caught:
        load(tmp_path)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_no_earlier_run_is_left_out_and_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "history").mkdir()
    (tmp_path / "history" / "2026.json").write_bytes(TEXTS[name])
    runs, notes = recall(tmp_path)
    assert runs == []
    assert len(notes) == 1
    assert history_table(runs)


def shown(outcomes: Outcomes, folder: Path) -> None:
    """Everything that is made of outcomes, but for the pages."""
    json.loads(outcomes.model_dump_json())
    texts = [table(outcomes), summary(outcomes), compare_table(outcomes, SAMPLE), *map(failure, outcomes.outcomes)]
    assert not any("\x1b" in text or "\u202e" in text for text in texts)
    with_earlier(outcomes, [])
    assert folder


def tried(folder: Path, n: int, seed: int, *, pages: bool = False, enough: int = 1000) -> int:
    """How many of some mutations could be read, until it is enough; whatever could, can be shown."""
    save(SAMPLE, folder)
    tree = json.loads((folder / "outcomes.json").read_text("utf-8"))
    tree.pop("checksum")
    rng = random.Random(seed)
    read = 0
    for _ in range(n):
        (folder / "outcomes.json").write_text(seal(json.dumps(mutated(tree, rng))), "utf-8", "replace")
        try:
            outcomes = load(folder)
        except QamlError:
            continue
        shown(outcomes, folder)
        if pages:
            write_report(outcomes, folder)
        read += 1
        if read == enough:
            break
    return read


def test_every_text_is_shown_clean(folder: Path) -> None:
    shown(Outcomes.model_validate(with_suffix(SAMPLE.model_dump(), "\x1b[2J\u202e::error::")), folder)


def test_mutated_outcomes(folder: Path) -> None:
    n = drawn(200, 2000)
    assert n / 6 < tried(folder, n, 1) < 0.92 * n


@pytest.mark.slow
def test_pages_of_mutated_outcomes(folder: Path) -> None:
    assert tried(folder, 1000, 0, pages=True, enough=drawn(2, 20)) > 1
