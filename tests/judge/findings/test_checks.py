"""What a finding must say of itself before it can be raised, and what counts as looked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qaml.errors import QamlError
from qaml.findings import FINDINGS
from qaml.judge.findings import CHECKS, OF_ATTACKS
from qaml.judge.findings.check import OfAttack
from qaml.judge.findings.subject import Rival, Subject
from qaml.metrics.evidence import Distances, Nearer
from tests.judge.findings.evidence import N, attacked, healthy, healthy_diagnosis, right
from tests.judge.findings.test_findings import BROKEN
from tests.judge.sources import traits

ALWAYS = {"no_search"}
DIAGNOSED = {
    *("non_finite", "no_answer", "outside_budget"),
    *("zero_gradients", "unbounded_attack_fails", "probabilities_as_logits"),
    *("iterative_weaker_than_one_step", "transfer_beats_white_box", "another_attack_fools_more", "noise_as_strong"),
}
OF_ITSELF = {"success_falls_with_epsilon", "library_count_differs"}
PLANTED = healthy(diagnosis=healthy_diagnosis()._replace(planted_missed=right(1, 32)))
MINIMISING = healthy(attack=traits("deepfool", minimises=True))
NORMS = np.ones((1, N))


def test_a_finding_without_words_has_no_check() -> None:
    with pytest.raises(QamlError, match="'bad_hair' has no words"):
        OfAttack("bad_hair", lambda _: True, lambda _: iter(()))


def test_a_check_says_when_its_finding_could_be_raised() -> None:
    incomplete: Any = OfAttack
    with pytest.raises(TypeError, match="could_be_raised"):
        incomplete("zero_gradients", raised=lambda _: iter(()))


def test_every_finding_is_looked_for() -> None:
    missing = FINDINGS.keys() - {check.name for check in CHECKS}
    assert not missing, f"nothing looks for {missing}: add a check to CHECKS of a module in qaml/judge/findings"


def test_every_finding_has_words_and_a_test() -> None:
    assert all(meaning.raised_if and meaning.means and meaning.remedy for meaning in FINDINGS.values())
    others = (path for path in Path(__file__).parents[1].rglob("test_*.py") if path.name != Path(__file__).name)
    tests = "\n".join(path.read_text("utf-8") for path in others)
    lost = [name for name in FINDINGS if f'"{name}"' not in tests]
    assert not lost, f"no test in tests/judge raises {', '.join(lost)}"


@pytest.mark.parametrize(("name", "severity", "subject"), BROKEN)
def test_what_is_raised_could_be(name: str, severity: str, subject: Subject) -> None:
    assert OF_ATTACKS[name].could_be_raised(subject)
    assert [found.severity for found in OF_ATTACKS[name].look(subject)] == [severity]


@pytest.mark.parametrize(
    ("subject", "names"),
    [
        (healthy()._replace(diagnosis=None), ALWAYS | OF_ITSELF),
        (healthy(), ALWAYS | OF_ITSELF | DIAGNOSED),
        (healthy(evidence=attacked(right(168))), ALWAYS | DIAGNOSED | {"library_count_differs"}),
        (PLANTED, ALWAYS | OF_ITSELF | DIAGNOSED | {"planted_missed"}),
        (
            healthy(diagnosis=healthy_diagnosis(eot=right(160))),
            ALWAYS | OF_ITSELF | DIAGNOSED | {"no_averaging"},
        ),
        (healthy(attack=traits("bim", reach={0.2: 0.5})), ALWAYS | OF_ITSELF | DIAGNOSED | {"cannot_reach_epsilon"}),
        (MINIMISING, ALWAYS | OF_ITSELF | DIAGNOSED | {"cannot_reach_epsilon"}),
        (
            MINIMISING._replace(
                diagnosis=None,
                attacked=MINIMISING.attacked._replace(norms=NORMS),
                distances=Distances(np.arange(N), NORMS[0], NORMS[0], NORMS[0]),
                nearer=Nearer(np.arange(N), np.zeros(N, dtype=np.int64), NORMS[0]),
            ),
            ALWAYS
            | OF_ITSELF
            | {"cannot_reach_epsilon"}
            | {"below_exact_distance", "beyond_exact_distance", "another_attack_is_nearer"},
        ),
        (
            healthy(diagnosis=healthy_diagnosis()._replace(is_constant=True)),
            (ALWAYS | OF_ITSELF | DIAGNOSED) - {"unbounded_attack_fails"},
        ),
        (
            healthy(attack=traits("moved", is_white_box=False, surrogate="cnn")),
            ALWAYS | {"library_count_differs", "non_finite", "no_answer", "outside_budget"},
        ),
        (
            healthy(rivals=(Rival(traits("mim"), attacked(right(168))),))._replace(diagnosis=None),
            ALWAYS | OF_ITSELF | {"another_attack_fools_more"},
        ),
    ],
)
def test_what_was_not_looked_for_is_not_absent(subject: Subject, names: set[str]) -> None:
    assert {name for name, check in OF_ATTACKS.items() if check.could_be_raised(subject)} == names
