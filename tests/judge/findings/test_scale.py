"""The note that cross-entropy was climbed on a multiple of the logits."""

import numpy as np

from qaml.judge.findings import findings_of
from tests.judge.findings.evidence import attacked, healthy, right
from tests.judge.sources import traits


def notes(gaps: list[float], factors: list[float], surrogate: str | None = None) -> list[tuple[str, str, str]]:
    evidence = attacked(right(300), right(150))._replace(logit_gap=np.array(gaps), logit_factor=np.array(factors))
    subject = healthy(attack=traits("pgd", is_white_box=surrogate is None, surrogate=surrogate), evidence=evidence)
    found = findings_of(subject._replace(diagnosis=None))
    return [(finding.name, finding.severity, finding.message) for finding in found]


def test_a_multiple_of_the_logits_is_told_with_its_numbers() -> None:
    message = "logits have a median gap of 0.2; cross-entropy was climbed on 40 × logits"
    assert notes([0.2], [40.0]) == [("logits_rescaled", "note", message)]


def test_healthy_logits_need_no_note() -> None:
    assert notes([7.0, 9.0], [1.0, 1.0]) == []
    assert findings_of(healthy(evidence=attacked(right(300), right(150)))) == ()


def test_the_run_farthest_off_stands_for_all() -> None:
    ((_, _, message),) = notes([7.0, 5.0, 800.0], [1.0, 1.6, 0.01])
    assert message.startswith("logits have a median gap of 800; cross-entropy was climbed on 0.01 × logits")
    assert message.endswith("(training run 2, 2 of 3 alike)")


def test_what_is_transferred_names_the_surrogate() -> None:
    ((_, _, message),) = notes([0.2], [40.0], "cnn + qvc")
    assert message.startswith("the logits of cnn + qvc have a median gap of 0.2")
