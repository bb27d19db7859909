"""How many verdicts chance alone may have turned."""

from __future__ import annotations

import pytest

from qaml.outcome.outcome import Outcome
from qaml.report.text.chance import by_chance, chance_sentence, risk_of


def outcome(verdict: str, *p_values: float | None, kind: str = "bound") -> Outcome:
    estimate = {"value": 0.5, "low": 0.4, "high": 0.6}
    measured = [{"label": "m", "estimate": estimate, "p_value": p} for p in p_values]
    return Outcome.model_validate(
        {
            "suite": "s",
            "id": f"{verdict}-{kind}",
            "statement": "a sentence",
            "kind": kind,
            "profile": "quick",
            "verdict": verdict,
            "reason": "",
            "measured": measured,
            "provenance": {"artefacts": {}, "versions": {}, "data": {}, "seeds": {}},
            "spec_file": "s.yaml",
            "spec_line": 1,
            "spec_yaml": "",
            "replay": "",
        }
    )


@pytest.mark.parametrize(
    ("verdict", "kind", "p_values", "risk"),
    [
        ("supported", "bound", (0.04,), 0.02),
        ("supported", "difference", (0.01, 0.04, 0.02), 0.02),  # all must clear theirs: the largest
        ("refuted", "difference", (0.01, 0.9, 0.8), 0.015),  # one of three was enough: three times its own
        ("refuted", "difference", (0.8, 0.9, 0.9), 1.0),
        ("supported", "any_of", (0.01, 0.9), 0.01),
        ("refuted", "any_of", (0.01, 0.03), 0.015),
        ("inconclusive", "bound", (0.5,), None),
        ("invalid", "bound", (0.001,), None),
        ("supported", "reported", (None,), None),
        ("supported", "bound", (), None),
    ],
)
def test_risk_of_a_verdict(verdict: str, kind: str, p_values: tuple[float, ...], risk: float | None) -> None:
    found = risk_of(outcome(verdict, *p_values, kind=kind))
    assert found is None if risk is None else found == pytest.approx(risk)


def test_risks_add_up() -> None:
    found = by_chance([outcome("supported", 0.04), outcome("refuted", 0.01), outcome("inconclusive", 0.5)])
    assert found.n_tested == 2
    assert found.expected == pytest.approx(0.025)


def test_the_sentence_counts_verdicts() -> None:
    many = [outcome("supported", 0.04)] * 40
    assert chance_sentence(many).startswith(
        "By chance alone at most 0.8 of 40 verdicts that rest on tests are expected"
    )
    assert "fewer than 0.1 of 1 verdict that rests on a test is expected" in chance_sentence(many[:1])
    assert chance_sentence([outcome("inconclusive", 0.5)]) == ""


def test_files_without_p_values_stay_readable() -> None:
    record = outcome("supported", 0.04).model_dump(mode="json")
    for measurement in record["measured"]:
        del measurement["p_value"]
    assert risk_of(Outcome.model_validate(record)) is None
