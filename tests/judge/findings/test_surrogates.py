"""Surrogates that are less accurate than their kind: what is said, and that chance hardly ever says it."""

from __future__ import annotations

import numpy as np
import pytest

from qaml.judge.findings import OF_SURROGATES, look
from qaml.judge.findings.model import ModelEvidence
from qaml.judge.judge import judge
from qaml.metrics.evidence import Clean
from qaml.outcome.outcome import Finding
from qaml.plan.judged import Surrogate
from tests.judge.findings.evidence import right
from tests.judge.sources import ArraySource, add, claim, entry, traits

N = 1000


def _runs(*n_right: int) -> Clean:
    return Clean(np.stack([right(n, N) for n in n_right]).astype(np.float32), np.arange(N))


def _found(clean: Clean, surrogate: Surrogate) -> list[Finding]:
    return list(look(OF_SURROGATES, ModelEvidence("convnet", clean, surrogate=surrogate)))


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ((985, 990, 986), None),
        ((975, 980, 978), None),  # of 1,000 images, 97.5 % may be 98.5
        ((958, 959, 957), "95.8 % (3 of its 3 training runs surely below)"),
        ((990, 991, 930), "97.0 % (1 of its 3 training runs surely below)"),
        ((958,), "95.8 % (its training run surely below)"),
    ],
)
def test_one_poor_run_is_enough_and_chance_is_not(runs: tuple[int, ...], said: str | None) -> None:
    found = _found(_runs(*runs), Surrogate(("pgd@convnet",), 0.985, "Figure 3"))
    expected = f"pgd@convnet is made on convnet, whose clean accuracy is {said}: its kind reaches 98.5 % (Figure 3)"
    assert [finding.message for finding in found] == ([expected] if said else [])
    assert all((finding.severity, finding.model) == ("note", "convnet") for finding in found)


def test_a_surrogate_at_its_reference_is_hardly_ever_called_poor() -> None:
    generator = np.random.default_rng(3)
    surrogate, trials = Surrogate(("pgd@convnet",), 0.985), 4000
    correct = (generator.random((trials, 4, 250)) < surrogate.accuracy).astype(np.float32)
    alarms = sum(bool(_found(Clean(runs, np.arange(250)), surrogate)) for runs in correct)
    assert 0 < alarms <= 0.002 * trials


def test_it_stands_with_the_verdict_and_leaves_it() -> None:
    class WithSurrogates(ArraySource):
        def surrogates(self) -> dict[str, Surrogate]:
            return {"convnet": Surrogate(("pgd@convnet", "fgsm@convnet"), 0.985)}

    source, plain = WithSurrogates(), ArraySource()
    for each in (source, plain):
        add(
            each,
            "circuit",
            right(900, N)[None].astype(np.float32),
            {"pgd@convnet": [right(800, N)[None].astype(np.float32)]},
        )
        each.cleans["convnet"] = _runs(900)
        each.all_traits["pgd@convnet"] = traits("pgd@convnet", is_white_box=False, surrogate="convnet")
    part = claim(
        "bound", metric="accuracy_under_attack", of={"model": "circuit", "attack": "pgd@convnet"}, at_least=0.7
    )
    found, without = judge(entry(part), source), judge(entry(part), plain)
    (finding,) = found.findings
    assert finding.name == "surrogate_below_reference"
    assert finding.message.startswith("pgd@convnet and fgsm@convnet are made on convnet")
    assert (found.verdict, without.verdict, without.findings) == ("supported", "supported", ())
