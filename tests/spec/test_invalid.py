"""Every invalid spec is refused with exactly the text that stands beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qaml.errors import SpecError
from qaml.spec.load import find_specs, load_suite, load_text
from tests.spec.cases import INVALID, complaint


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_error_text(path: Path) -> None:
    assert complaint(path) + "\n" == path.with_suffix(".txt").read_text("utf-8"), (
        "if the new text is better: python -m tests.spec.cases, and read the difference"
    )


def test_there_are_many_cases_and_no_orphans() -> None:
    assert len(INVALID) >= 40
    texts = {path.stem for path in INVALID[0].parent.glob("*.txt")}
    assert texts == {path.stem for path in INVALID}


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_every_problem_points_into_the_file(path: Path) -> None:
    n_lines = len(path.read_bytes().decode("latin-1").splitlines())
    heads = re.findall(rf"^{re.escape(path.name)}:(\d+):(\d+): ", complaint(path), re.MULTILINE)
    assert heads
    assert all(1 <= int(line) <= n_lines + 1 and int(column) >= 1 for line, column in heads)
    assert heads == sorted(heads, key=lambda head: (int(head[0]), int(head[1])))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none\.yaml:1:1: cannot be read: No such file or directory"):
        load_suite(tmp_path / "none.yaml", "quick")
    with pytest.raises(SpecError, match="no such file or folder"):
        find_specs([tmp_path / "none.yaml"])


def test_the_file_is_named_as_people_stand_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "a.yaml").write_text("suite: A\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match=r"^specs/a\.yaml:1:1: claims: required field is missing"):
        load_suite(tmp_path / "specs" / "a.yaml", "quick")


def test_a_file_too_large_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"# " + b"x" * (1 << 20) + b"\n")
    with pytest.raises(SpecError, match="cannot be read: Too large, expected at most 1,048,576 bytes"):
        load_suite(path, "quick")


def test_extends_that_multiply_are_refused() -> None:
    base = "{kind: linear, dataset: d, x: [" + ", ".join("y" * 1000) + "]}"
    models = "".join(f"  m{i}: {{extends: base}}\n" for i in range(1000))
    with pytest.raises(SpecError, match="too large: more than 200,000 values with 'extends' written out"):
        load_text(f"suite: x\nmodels:\n  base: {base}\n{models}claims: []\n", "x.yaml", "quick")


def test_a_long_chain_of_extends_is_refused() -> None:
    chain = "".join(f"  m{i}: {{extends: m{i + 1}}}\n" for i in range(2000))
    with pytest.raises(SpecError, match="extends too deeply: expected at most 32 levels"):
        load_text(f"suite: x\nmodels:\n{chain}  m2000: {{kind: linear}}\nclaims: []\n", "x.yaml", "quick")


def test_placeholders_that_multiply_are_refused() -> None:
    text = "{a}" * 3000
    claim = f"{{id: 'x-{{a}}', for: {{a: [{'b' * 100}]}}, statement: '{text}', kind: bound}}"
    with pytest.raises(SpecError, match="text too long: expected at most 10,000 characters once filled in"):
        load_text(f"suite: x\nclaims: [{claim}]\n", "x.yaml", "quick")


def test_no_more_mistakes_are_looked_for_than_anybody_reads() -> None:
    with pytest.raises(SpecError, match="the first 1,000 mistakes; there may be more") as caught:
        load_text("suite: x\nclaims: [{}]\n" + "".join(f"section{i}: 1\n" for i in range(1500)), "x.yaml", "quick")
    assert len(caught.value.problems) == 1001


def test_a_tag_without_end_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(SpecError, match=r"x\.yaml:2:4: a tag of this length is not allowed"):
        load_text("suite: x\na: " + "!" * 100_000, "x.yaml", "quick")


def test_of_thousands_of_names_some_are_listed() -> None:
    models = ", ".join(f"m{i}: {{kind: linear, dataset: d}}" for i in range(300))
    claim = "{id: c, statement: s, kind: bound, metric: clean_accuracy, of: {model: other}, at_least: 0.5}"
    with pytest.raises(SpecError, match=r"models: m0, .*, m199 and 100 more"):
        load_text(f"suite: x\ndatasets: {{d: {{kind: digits}}}}\nmodels: {{{models}}}\nclaims: [{claim}]", "x", "quick")
