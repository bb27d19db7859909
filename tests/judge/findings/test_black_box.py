"""Findings about attacks that only ask: held against a battery that asks, and free of what needs gradients."""

from __future__ import annotations

import numpy as np
import pytest

from qaml.judge.findings import findings_of
from qaml.metrics.evidence import AttackTraits
from tests.judge.findings.evidence import N, attacked, healthy, healthy_diagnosis, right
from tests.judge.sources import traits

SQUARE: AttackTraits = traits("square", is_white_box=False)._replace(asks="scores")
BLIND: AttackTraits = traits("darken", is_white_box=False)


def asked(**members: int) -> dict[str, np.ndarray]:
    """Members of a battery without gradients, by the number of images that each leaves right."""
    return {name: right(n) for name, n in members.items()}


def names(attack: AttackTraits, left: int, **members: int) -> dict[str, str]:
    diagnosis = healthy_diagnosis()._replace(correct=asked(**members))
    evidence = attacked(right(left), epsilons=(0.2,))
    found = findings_of(healthy(attack=attack, evidence=evidence, diagnosis=diagnosis))
    return {finding.name: finding.severity for finding in found if finding.assessed}


def test_what_a_stronger_search_by_answers_finds_limits_an_attack_that_asks() -> None:
    assert names(SQUARE, 300, noise=380, square=300, hop_skip_jump=240) == {"another_attack_fools_more": "weak"}


def test_as_strong_as_the_battery_raises_nothing() -> None:
    assert names(SQUARE, 240, noise=380, transfer=300, hop_skip_jump=240) == {}


@pytest.mark.parametrize(("hop_skip_jump", "is_raised"), [(300, False), (288, True)])
def test_noise_as_strong_is_no_weakness_where_nothing_fools_more(hop_skip_jump: int, is_raised: bool) -> None:
    found = names(SQUARE, 300, noise=300, hop_skip_jump=hop_skip_jump)
    assert ("noise_as_strong" in found) == is_raised
    assert "noise_as_strong" in names(traits("bim"), 300, noise=300, pgd=300), "of an attack with gradients it is one"


def test_what_gradients_show_is_not_about_it() -> None:
    flat = healthy_diagnosis()._replace(
        correct=asked(noise=380),
        zero_gradient=np.ones(N, dtype=bool),
        outputs_are_probabilities=True,
        planted_missed=np.ones(32, dtype=bool),
    )
    evidence = attacked(right(240), epsilons=(0.2,))
    assert findings_of(healthy(attack=SQUARE, evidence=evidence, diagnosis=flat)) == ()
    own = {each.name for each in findings_of(healthy(evidence=evidence, diagnosis=flat))}
    assert own >= {"zero_gradients", "probabilities_as_logits", "planted_missed"}


def test_an_attack_that_neither_sees_nor_asks_is_not_held_against_the_battery() -> None:
    assert names(BLIND, 380, noise=200, hop_skip_jump=100) == {}
