"""Test examples among the training examples: counted, said, and beyond a hundredth no measurement."""

from __future__ import annotations

import pytest

from qaml.judge.findings import OF_MODELS, look
from qaml.judge.findings.model import ModelEvidence
from qaml.judge.source import Repeats
from tests.judge.findings.evidence import SOUND


@pytest.mark.parametrize(("n", "severity"), [(0, None), (1, "note"), (5, "note"), (6, "void"), (500, "void")])
def test_a_hundredth_is_the_limit(n: int, severity: str | None) -> None:
    found = list(look(OF_MODELS, ModelEvidence("linear", SOUND, repeats=Repeats(n, 500))))
    assert [(each.name, each.severity) for each in found] == ([("test_in_training", severity)] if severity else [])


def test_the_message_counts_them() -> None:
    (finding,) = look(OF_MODELS, ModelEvidence("linear", SOUND, repeats=Repeats(1234, 10_000)))
    assert finding.message == (
        "1,234 of the 10,000 test examples of linear's dataset (12.3%) are among its training examples, every "
        "coordinate the same"
    )
