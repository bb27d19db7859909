from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaml.errors import StoreError
from qaml.outcome.outcome import Outcome, Outcomes
from qaml.report.text import junit, markdown
from tests.report.sample import comparison, oddities, sample


def rows(outcomes: Outcomes) -> list[str]:
    """The table of claims: two lines of a head, then a line a claim."""
    return [line for line in markdown.summary(outcomes).split("\n") if line.startswith("|")]


def test_a_row_has_paper_here_interval_verdict_and_expectation() -> None:
    lines = rows(sample())
    assert len(lines) == 2 + 16
    assert lines[0] == "| claim | paper | here | 95 % interval | verdict | expected |"
    assert lines[2].endswith("| +67.8 points | +12.4 points | [8.0, 17.0] | ● supported | as expected |")
    assert lines[9].endswith("| ◐ inconclusive | expected **supported** |")


def test_findings_come_before_the_tables() -> None:
    text = markdown.summary(sample())
    assert text.startswith("## qaml: ● 5 supported · ✕ 6 refuted · ◐ 2 inconclusive · ⊘ 3 invalid\n")
    finding = "- **3 claims cannot be decided**: transfer beats white-box (2), non-finite logits (1)\n"
    assert text.index(finding) < text.index("| claim |")
    assert "rbm-curve: the artefact store is full" in text


def test_a_report_merged_from_runs_of_different_code_says_which_claims_are_whose() -> None:
    def of(*commits: str | None) -> str:
        claims = [
            o.model_copy(update={"provenance": o.provenance.model_copy(update={"commit": c})})
            for o, c in pairs(commits)
        ]
        return markdown.summary(sample().model_copy(update={"outcomes": tuple(claims)}))

    def pairs(commits: tuple[str | None, ...]) -> list[tuple[Outcome, str | None]]:
        return list(zip(sample().outcomes, commits, strict=False))

    assert "versions of qaml" not in of("aaa", "aaa", "aaa")
    assert "- The claims were answered by 2 versions of qaml: commit aaa (2), commit bbb (1)\n" in of(
        "aaa", "bbb", "aaa"
    )
    assert "- The claims were answered by 2 versions of qaml: unknown commit (1), commit bbb (1)\n" in of(None, "bbb")


@given(st.text(st.characters(codec=None), max_size=60))
def test_any_text_stays_in_its_cell(text: str) -> None:
    claim = comparison("cnn-adv", "fgsm").model_copy(update={"statement": text})
    row = rows(sample().model_copy(update={"outcomes": (claim,)}))
    assert len(row) == 3
    assert row[2].replace("\\|", "").count("|") == 7 + row[2].count("\\\\|") - row[2].count("\\\\\\|")
    assert "<" not in row[2]


def test_markup_is_escaped() -> None:
    assert markdown.escape("a|b\n<img src=x> *x* _y_ `z` [l](u) & \\") == (
        "a\\|b &lt;img src=x&gt; \\*x\\* \\_y\\_ \\`z\\` \\[l\\](u) &amp; \\\\"
    )


def test_the_step_summary_is_appended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "summary.md"
    target.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(target))
    assert markdown.write_step_summary(sample())
    assert target.read_text("utf-8") == "before\n" + markdown.summary(sample())


def test_without_a_step_summary_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    assert not markdown.write_step_summary(sample())


def test_a_step_summary_that_cannot_be_written_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    with pytest.raises(StoreError, match="cannot write"):
        markdown.write_step_summary(sample())


def test_a_step_summary_stays_below_what_github_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = sample().outcomes[0].model_copy(update={"statement": "word " * 2000})
    many = sample().model_copy(update={"outcomes": (long,) * 150})
    target = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(target))
    markdown.write_step_summary(many)
    assert target.stat().st_size < 1_000_000
    assert "The tables of 150 claims are too long" in target.read_text("utf-8")


def test_junit_properties_are_plain_text_in_full_precision() -> None:
    claim = comparison("cnn-adv", "fgsm")
    properties = dict(junit.properties(claim))
    assert properties["qaml.verdict"] == "supported"
    assert float(properties["qaml.value"]) == claim.measured[0].estimate.value
    assert float(properties["qaml.paper"]) == claim.measured[0].paper
    assert properties["qaml.findings"] == "transfer_beats_white_box"
    assert "qaml.at_most" not in properties


def test_junit_properties_of_a_claim_without_numbers_have_none() -> None:
    unmeasured = next(o for o in oddities() if not o.measured)
    properties = dict(junit.properties(unmeasured))
    assert "qaml.value" not in properties
    assert properties["qaml.findings"] == "non_finite_logits"


def test_junit_properties_can_stand_in_xml() -> None:
    claim = comparison("cnn-adv", "fgsm").model_copy(update={"reason": "a\x00\x1bb\ud800"})
    assert dict(junit.properties(claim))["qaml.reason"] == "a␀␛b\ufffd"


def test_the_table_replaces_what_stands_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"before\n{markdown.BEGIN}\nold\n{markdown.END}\nafter\n")
    outcomes = sample()
    markdown.insert_table(outcomes, page)
    markdown.insert_table(outcomes, page)
    text = page.read_text()
    assert text == f"before\n{markdown.BEGIN}\n\n{markdown.suite_table(outcomes)}\n\n{markdown.END}\nafter\n"


@pytest.mark.parametrize(
    ("content", "message"), [(b"words\n", "no place for the table"), (b"caf\xe9\n", "README.md is not UTF-8: .* 0xe9")]
)
def test_a_page_without_marks_or_in_another_encoding_is_left_alone(
    tmp_path: Path, content: bytes, message: str
) -> None:
    page = tmp_path / "README.md"
    page.write_bytes(content)
    with pytest.raises(StoreError, match=message):
        markdown.insert_table(sample(), page)
    assert page.read_bytes() == content


def test_a_suite_is_a_row_of_counts() -> None:
    outcomes = sample()
    head, rule, *rows = markdown.suite_table(outcomes).splitlines()
    names = list(dict.fromkeys(outcome.suite for outcome in outcomes.outcomes))
    assert head.count("|") == rule.count("|")
    assert len(rows) == len(names)
    for name, row in zip(names, rows, strict=True):
        own = [outcome.verdict for outcome in outcomes.outcomes if outcome.suite == name]
        counts = [len(own), *(own.count(verdict) for verdict in ("supported", "refuted", "inconclusive", "invalid"))]
        assert [cell.strip() for cell in row.split("|")[3:8]] == [str(count) for count in counts]
