"""Test examples among the training examples: counted, said, and beyond a hundredth no measurement."""

from __future__ import annotations

import pytest

from qaml.judge.findings.memory import seen_in_training
from qaml.judge.source import Repeats


@pytest.mark.parametrize(("n", "severity"), [(0, None), (1, "note"), (5, "note"), (6, "void"), (500, "void")])
def test_a_hundredth_is_the_limit(n: int, severity: str | None) -> None:
    found = list(seen_in_training("linear", Repeats(n, 500)))
    assert [finding.severity for finding in found] == ([severity] if severity else [])


def test_the_message_counts_them() -> None:
    (finding,) = seen_in_training("linear", Repeats(1234, 10_000))
    assert finding.message == (
        "1,234 of the 10,000 test examples of linear's dataset (12.3%) are among its training examples, every "
        "coordinate the same"
    )
