from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaml.report.text import terminal
from tests.report.sample import comparison, oddities, sample


@pytest.mark.parametrize("width", [90, 100, 160])
def test_the_table_fits_its_terminal(width: int) -> None:
    lines = terminal.table(sample(), width).splitlines()
    assert len(lines) == 2 + 16
    assert max(map(len, lines)) <= width


def test_a_row_shows_paper_here_verdict_and_expectation() -> None:
    row = terminal.table(sample(), 140).splitlines()[9]
    cells = [
        "kehoe2021::rbm-beats-cnn-smoothed-under-deepfool",
        "+35.8",
        "+6.8 [2.4, 11.4]",
        "◐ inconclusive",
        "supported",
    ]
    assert [part.strip() for part in row.split("  ") if part.strip()] == cells


def test_a_narrow_terminal_cuts_the_claim_and_keeps_the_numbers() -> None:
    row = terminal.table(sample(), 40).splitlines()[2]
    assert row.startswith("kehoe2021::rbm-…")
    assert "+12.4 [8.0, 17.0]" in row


def test_a_run_without_claims_says_so() -> None:
    assert terminal.table(sample().model_copy(update={"outcomes": ()})) == "no claim was judged"


def test_the_closing_lines_put_findings_first() -> None:
    lines = terminal.closing(sample()).splitlines()
    assert lines[0] == "● 5 supported · ✕ 6 refuted · ◐ 2 inconclusive · ⊘ 3 invalid"
    assert "! 3 claims cannot be decided: transfer beats white-box (2), non-finite logits (1)" in lines


def test_a_failing_claim_says_what_was_measured_and_shows_its_lines() -> None:
    claim = comparison("cnn-squeezed", "fgsm").model_copy(update={"expected": "supported", "because": ""})
    assert terminal.failure(claim).splitlines() == [
        "⊘ invalid, expected supported: kehoe2021::rbm-beats-cnn-squeezed-under-fgsm",
        "  The RBM keeps at least 5 points more robust accuracy than cnn-squeezed under fgsm.",
        "",
        "  measured  rbm − cnn-squeezed: +31.0 points [26.6, 35.6], needed ≥ 5, paper +60.9, 5 seeds × 1,000 images",
        "  reason    the difference is +31.0 points, at least 5 are needed",
        "  findings",
        "    transfer_beats_white_box (the attack is weak), rbm under fgsm: adversarials made on cnn leave"
        " 32.4 % correct, the strongest white-box attack 43.1 % (500 images)",
        "      means: the gradient of rbm is masked: its robust accuracy is an upper bound",
        "      remedy: attack with transfer from a surrogate, random restarts or autoattack",
        "  specs/kehoe2021.yaml:41",
        "     41 | - id: rbm-beats-cnn-squeezed-under-fgsm",
        "     42 |   kind: difference",
        "     43 |   metric: robust_accuracy",
        "     44 |   at_least: 0.05",
        '  replay    pytest benchmarks/ -k "rbm-beats-cnn-squeezed-under-fgsm" --qaml-profile standard',
    ]


def test_every_odd_claim_can_fail_in_words() -> None:
    for claim in oddities():
        text = terminal.failure(claim)
        assert "Traceback" not in text
        assert "nan" not in text
    unmeasured = terminal.failure(next(o for o in oddities() if not o.measured))
    assert "  measured  nothing" in unmeasured
    assert "eot (not assessed), rbm under fgsm: fewer than 100 images" in unmeasured


@given(st.text(st.characters(codec=None), max_size=40))
def test_no_text_of_a_spec_controls_the_terminal(text: str) -> None:
    fields = {"id": text, "statement": text, "reason": text, "because": text, "spec_yaml": text, "replay": text}
    claim = comparison("cnn-squeezed", "fgsm").model_copy(update=fields)
    outcomes = sample().model_copy(update={"outcomes": (claim,)})
    for shown in (terminal.failure(claim), terminal.table(outcomes, 120), terminal.closing(outcomes)):
        assert not {c for c in shown if ord(c) < 32 or 127 <= ord(c) < 160} - {"\n", "\t"}
        shown.encode("utf-8")
