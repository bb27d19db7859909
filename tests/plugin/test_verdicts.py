"""Each verdict, end to end: what the test becomes and what it says."""

from __future__ import annotations

from tests.plugin.conftest import Planted

OUTCOMES = {
    "broken::spec": "failed",
    "planted::right": "passed",
    "planted::wrong": "failed",
    "planted::undecided": "skipped",
    "planted::short-attack": "failed",
    "planted::masked-gradients": "failed",
    "planted::wrong-as-expected": "xfailed",
    "planted::invalid-as-expected": "xfailed",
    "planted::invalid-for-another-reason": "failed",
    "planted::right-unexpectedly": "failed",
    "planted::without-data": "error",
}
FAILED = [name for name, outcome in OUTCOMES.items() if outcome == "failed"]


def test_every_way_to_end(planted: Planted) -> None:
    assert planted.first.outcomes == OUTCOMES
    assert planted.first.code == 1


def test_ids_are_suite_and_claim_in_file_order_broken_specs_first(planted: Planted) -> None:
    assert list(planted.first.outcomes) == list(OUTCOMES)


def test_a_refuted_claim_tells_its_numbers_and_its_lines_and_shows_no_python(planted: Planted) -> None:
    text = planted.first.text("planted::wrong")
    measured = planted.outcomes["outcomes"][1]["measured"][0]["estimate"]
    assert "✕ refuted, expected supported: " in text
    assert f"{100 * measured['value']:.1f} %, 95 % interval {100 * measured['low']:.1f} to" in text
    assert "needed ≥ 99" in text
    assert "2 seeds × 150 images" in text
    assert "planted.yaml:27\n     27 | - id: wrong\n     28 |   statement: A linear model" in text
    assert text.rstrip().splitlines()[-2].endswith("|   at_least: 0.99")


def test_nothing_printed_is_a_traceback(planted: Planted) -> None:
    out = planted.first.out
    assert "Traceback" not in out
    assert "test_claims.py:" not in out.replace("test_claims.py::", "")
    assert "exception" not in out


def test_an_attack_out_of_reach_makes_the_claim_invalid_and_says_why(planted: Planted) -> None:
    text = planted.first.text("planted::short-attack")
    assert "⊘ invalid, expected supported: " in text
    assert "cannot_reach_epsilon (the attack is weak), linear under short: steps × step size is 0.02" in text
    assert "remedy: more steps or a larger step size" in text


def test_masked_gradients_make_the_claim_invalid(planted: Planted) -> None:
    assert "zero_gradients (the attack is weak), masked under fgsm: 100.0 %" in planted.first.text(
        "planted::masked-gradients"
    )


def test_an_expected_refutation_is_an_xfail_with_numbers_and_the_reason(planted: Planted) -> None:
    text = planted.first.text("planted::wrong-as-expected")
    assert text.startswith("refuted: ")
    assert "needed ≥ 99" in text
    assert "(expected: FGSM is exact on a linear model)" in text


def test_an_undecided_claim_is_skipped_with_its_numbers(planted: Planted) -> None:
    estimate = planted.outcomes["outcomes"][2]["measured"][0]["estimate"]
    value, low, high = (f"{100 * estimate[name]:.1f}" for name in ("value", "low", "high"))
    assert f"inconclusive: {value} %, 95 % interval {low} to {high}, needed ≥ 88" in planted.first.text(
        "planted::undecided"
    )


def test_a_surprising_support_fails(planted: Planted) -> None:
    text = planted.first.text("planted::right-unexpectedly")
    assert "● supported, expected refuted: " in text
    assert "because   we did not think so" in text


def test_the_right_verdict_for_another_reason_fails(planted: Planted) -> None:
    text = planted.first.text("planted::invalid-for-another-reason")
    assert "missing   expected findings that were not raised: zero_gradients" in text


def test_missing_data_are_an_error_that_says_what_to_do(planted: Planted) -> None:
    text = planted.first.text("planted::without-data")
    assert "mnist: train-images-idx3-ubyte is not in" in text
    assert "could not be downloaded: http://127.0.0.1:9/mnist/train-images-idx3-ubyte.gz: cannot connect" in text
    assert "set QAML_DATA to the folder that holds mnist/" in text
    assert planted.outcomes["failures"] == [
        {
            "suite": "planted",
            "id": "without-data",
            "message": planted.first.properties["planted::without-data"]["qaml_failure"],
            "is_reached": True,
        }
    ]


def test_every_message_is_printed_once(planted: Planted) -> None:
    for text in (
        "could not be downloaded",
        "unknown claim kind 'bonud'",
        "masked under fgsm: at L∞ distance 0.1 ten draws",
    ):
        shown = [line for line in planted.first.out.splitlines() if text in line and not line.startswith("ERROR ")]
        assert len(shown) == 1, "\n".join(shown)


def test_the_terminal_ends_with_the_verdicts_and_the_report(planted: Planted) -> None:
    lines = planted.first.out.splitlines()
    table = lines[next(i for i, line in enumerate(lines) if line.strip("= ") == "claims") + 1 :]
    assert table[0].split() == ["claim", "paper", "here", "verdict", "expected"]
    assert table[2].split()[0] == "planted::right"
    assert table[11] == "report: reports/latest/index.html"
    assert (planted.root / "reports/latest/index.html").exists()


def test_strict_fails_what_is_undecided(planted: Planted) -> None:
    strict = planted.pytest("--qaml-strict", "-k", "undecided or right")
    assert strict.outcomes == {
        "planted::right": "passed",
        "planted::undecided": "failed",
        "planted::right-unexpectedly": "failed",
    }
    assert "◐ inconclusive, expected supported: " in strict.text("planted::undecided")


def test_runxfail_lets_expected_refutations_pass_and_hides_no_failure(planted: Planted) -> None:
    run = planted.pytest("--runxfail", "-k", "not without-data")
    expected = {name: outcome.replace("xfailed", "passed") for name, outcome in OUTCOMES.items()}
    del expected["planted::without-data"]
    assert run.outcomes == expected
