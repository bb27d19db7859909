"""A fixed sample of the campaign: weaknesses that battery or rule must see, sound models that they must leave alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
import torch

from qaml.types import Bounds
from qaml.vocab import Norm
from tests.campaign.cheats import CHEATS, NETWORKS, every_cheat, try_cheat
from tests.campaign.healthy import every_trial, try_sound
from tests.campaign.pairs import FACTORY, Pair, every_pair
from tests.campaign.results import is_alarmed
from tests.campaign.runner import Workplace, try_pair
from tests.campaign.truth import margin, project, uphill
from tests.campaign.zoo import FAMILY, WAYS, make

SAMPLE = [  # all of them supported by their own attack by five points and more, whatever the processor rounds
    ("cubed", "pgd"),
    ("softmax_log", "bim"),
    ("erf", "pgd"),
    ("integer_logits", "pgd"),
    ("ripple_rounded", "pgd"),
    ("neighbour_hidden", "fgsm"),
    ("float16_softmax", "pgd"),
    ("decoy", "mim"),
    ("turned", "pgd"),
]
MENDED = [("times100", "pgd"), ("over1e9", "pgd"), ("times1e6", "mim")]
"""What the attacks themselves see through."""
SOUND = ("linear-pgd-0.05", "fnn-moons-pgd-0.3", "module-norm-pgd-0.03", "module-tumours-pgd-0.05")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    path, environment, threads = list(sys.path), dict(os.environ), torch.get_num_threads()
    torch.set_num_threads(1)
    yield Workplace(tmp_path_factory.mktemp("campaign"))
    sys.path[:] = path
    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.parametrize(("how", "attack"), SAMPLE)
def test_a_hidden_weakness_supports_nothing_false(place: Workplace, how: str, attack: str) -> None:
    record = try_pair(Pair("digits", "mlp", how, attack), place)
    assert record.verdict != "error", record.reason
    assert record.is_hidden, "the claim's own evidence does not support it: this tests nothing"
    assert not record.is_false, record


@pytest.mark.slow
@pytest.mark.parametrize(("how", "attack"), MENDED)
def test_the_scale_of_logits_hides_nothing(place: Workplace, how: str, attack: str) -> None:
    record = try_pair(Pair("digits", "mlp", how, attack), place)
    assert not record.is_false, record
    assert record.estimate < record.truth + 0.06


@pytest.mark.slow
@pytest.mark.parametrize("name", SOUND)
def test_a_sound_model_is_not_alarmed(place: Workplace, name: str) -> None:
    (trial,) = (trial for trial in every_trial() if trial.name == name)
    record = try_sound(trial, place)
    assert not is_alarmed(record), record
    # five points below the value is within reach of what the battery adds; five below the interval is not
    assert record.sure == "supported", record


@pytest.mark.slow
def test_an_attack_beyond_its_budget_decides_nothing(place: Workplace) -> None:
    found = {c.name: c for c in every_cheat(place, NETWORKS[:1]) if any(cheat in c.name for cheat in CHEATS)}
    assert len(found) == 2 * len(CHEATS)
    for cheat in found.values():
        record = try_cheat(cheat, place)
        assert record.verdict == "invalid", record


def test_pairs_cover_the_families_and_differ() -> None:
    pairs = every_pair()
    names = [pair.name for pair in pairs]
    assert len(set(names)) == len(names) >= 150
    assert {pair.family for pair in pairs} == set(FAMILY.values())


@pytest.mark.parametrize("how", WAYS)
def test_a_mask_keeps_most_clean_answers(place: Workplace, how: str) -> None:
    assert place.truth("digits", "mlp").clean(how) > 0.5


def test_projection_and_steepest_steps_are_within_the_budget() -> None:
    torch.manual_seed(0)
    start, step = torch.rand(20, 1, 4, 4), torch.randn(20, 1, 4, 4)
    norms: tuple[tuple[Norm, float], ...] = (("linf", torch.inf), ("l2", 2))
    for norm, order in norms:
        found = project(start + 3 * step, start, 0.2, norm, Bounds(0, 1))
        assert torch.linalg.vector_norm((found - start).flatten(1), order, dim=1).max() <= 0.2 + 1e-6
        assert float(found.min()) >= 0
        assert float(found.max()) <= 1
        steepest = uphill(step, norm).flatten(1)
        assert torch.allclose(torch.linalg.vector_norm(steepest, order, dim=1), torch.ones(20))


def test_the_margin_is_positive_where_the_answer_is_wrong() -> None:
    logits = torch.tensor([[1.0, 3.0, 2.0], [1.0, 3.0, 2.0]])
    assert margin(logits, torch.tensor([1, 2])).tolist() == [-1.0, 1.0]


def test_the_factory_is_where_suites_say() -> None:
    assert make.__module__ == FACTORY
