"""Two runs side by side."""

from __future__ import annotations

import pytest

from qaml.judge.outcome import Outcome, Outcomes
from qaml.report.compare import compare_markdown, compare_table, pairs
from tests.report.sample import sample


@pytest.fixture(scope="module")
def run() -> Outcomes:
    return sample()


def changed(run: Outcomes, index: int, **update: object) -> Outcomes:
    claims = list(run.outcomes)
    claims[index] = claims[index].model_copy(update=update)
    return run.model_copy(update={"outcomes": tuple(claims)})


def moved(outcome: Outcome, by: float) -> tuple[object, ...]:
    first, *rest = outcome.measured
    ends = {name: getattr(first.estimate, name) + by for name in ("value", "low", "high")}
    return (first.model_copy(update={"estimate": first.estimate.model_copy(update=ends)}), *rest)


def test_a_run_is_like_itself(run: Outcomes) -> None:
    assert {pair.kind for pair in pairs(run, run)} == {"same"}
    assert f"{len(run.outcomes)} alike" in compare_table(run, run)


def test_what_differs_comes_first(run: Outcomes) -> None:
    index = next(i for i, o in enumerate(run.outcomes) if o.verdict == "supported")
    other = changed(run, index, verdict="refuted")
    assert [pair.kind for pair in pairs(run, other)][:2] == ["verdict", "same"]
    assert "● supported → ✕ refuted" in compare_table(run, other)
    assert "| ● supported → ✕ refuted | another verdict |" in compare_markdown(run, other)


def test_numbers_differ_where_neither_interval_holds_the_others_value(run: Outcomes) -> None:
    index = next(i for i, o in enumerate(run.outcomes) if o.measured and o.verdict == "supported")
    near = changed(run, index, measured=moved(run.outcomes[index], 0.001))
    far = changed(run, index, measured=moved(run.outcomes[index], 5.0))
    assert pairs(run, near)[0].kind == "same"
    assert pairs(run, far)[0].kind == "number"


def test_claims_of_one_run_only(run: Outcomes) -> None:
    fewer = run.model_copy(update={"outcomes": run.outcomes[1:]})
    assert pairs(run, fewer)[0] == (run.outcomes[0].node, run.outcomes[0], None, "gone")
    assert pairs(fewer, run)[0].kind == "added"
    assert "only in the second" in compare_table(fewer, run)
