"""Findings about negative phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from qaml.judge.findings import OF_RUNS, look
from qaml.judge.findings.model import ModelEvidence
from qaml.metrics.sampling import gradient_angles, sampling_errors
from qaml.outcome.outcome import Finding
from tests.judge.findings.evidence import SOUND


def inspection(first: float = 1.0, second: float = 1.0, reference_error: float = 0.1) -> dict[str, float]:
    return {"first": first, "second": second, "reference_error": reference_error, "draws": 500.0, "angle": 5.0}


def _found(inspections: list[dict[str, float]], history: Sequence[Mapping[str, Sequence[float]]] = ()) -> list[Finding]:
    return list(look(OF_RUNS, ModelEvidence("qrbm", SOUND, history=history, inspections=inspections)))


@pytest.mark.parametrize("fields", [{}, {"first": 1.5}, {"second": 1.5}])
def test_samples_as_good_as_independent_ones_raise_nothing(fields: dict[str, float]) -> None:
    assert not _found([inspection(**fields)] * 3)
    assert not _found([])


def test_one_run_off_its_distribution_is_enough() -> None:
    (found,) = _found([inspection(), inspection(first=1.2, second=4.04)])
    assert (found.name, found.severity, found.assessed) == ("samples_off_distribution", "note", True)
    assert found.message == (
        "the moments of 1 of 2 training runs are off by more than 1.5 times the error of 500 independent samples, "
        "at most by 1.2 times (first) and 4.0 times (second)"
    )


def test_a_vague_reference_assesses_nothing() -> None:
    (found,) = _found([inspection(second=9.0, reference_error=0.7)])
    assert not found.assessed
    assert "parallel tempering itself is off by 0.7 times" in found.message


def test_metrics_are_a_number_a_seed() -> None:
    inspections = [inspection(first=1.2, second=4.0), inspection()]
    assert sampling_errors(inspections) == (4.0, 1.0)
    assert gradient_angles(inspections) == (5.0, 5.0)
    with pytest.raises(ValueError, match="its samples were not inspected"):
        sampling_errors([])


@pytest.mark.parametrize(("ends", "n"), [((1.0, 1.09), 0), ((1.0, 0.85), 1)])
def test_a_temperature_off_by_a_tenth(ends: tuple[float, ...], n: int) -> None:
    found = _found([], [{"effective beta": [0.3, end]} for end in ends])
    assert len(found) == n
