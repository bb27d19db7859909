"""Models that give no answer void every cell that asks them, clean ones and detectors included."""

from __future__ import annotations

import numpy as np
import pytest

from qaml.claims.base import ClaimPart
from qaml.judge.judge import Judgement, judge
from qaml.judge.source import Detections
from qaml.types import IntArray
from tests.judge.sources import ArraySource, add, claim, entry, firsts, traits

N = 200
BUDGETS = (0.1, 0.2)


def two_models() -> ArraySource:
    """Four training runs of two models, both sound: 95 % clean, 60 and 40 % under PGD."""
    source = ArraySource()
    for model in ("one", "other"):
        add(source, model, firsts(N, 190, 4), {"pgd": [firsts(N, 120, 4), firsts(N, 80, 4)]}, BUDGETS)
    return source


def silent_clean(source: ArraySource, model: str = "one", run: int = 3, image: int = 7) -> None:
    missing = np.zeros((4, N), dtype=bool)
    missing[run, image] = True
    source.cleans[model] = source.cleans[model]._replace(unanswered=missing)


def silent_attacked(source: ArraySource, model: str = "one") -> None:
    missing = np.zeros((4, 2, N), dtype=bool)
    missing[2:, 1, 30:50] = True
    key = model, "pgd"
    source.attacks[key] = source.attacks[key]._replace(unanswered=missing)


def bound(metric: str, limits: dict[str, float], **cell: object) -> ClaimPart:
    return claim("bound", metric=metric, of={"model": "one", **cell}, **limits)


def names(found: Judgement) -> list[str]:
    return [finding.name for finding in found.findings]


CLEAN = bound("clean_accuracy", {"at_least": 0.5})
ROBUST = bound("robust_accuracy", {"at_most": 0.6}, attack="pgd")
SUCCESS = bound("attack_success_rate", {"at_least": 0.3}, attack="pgd")
PUBLISHED = bound("accuracy_under_attack", {"at_most": 0.6}, attack="pgd", protocol="as_published")
OTHER = claim("bound", metric="clean_accuracy", of={"model": "other"}, at_least=0.5)
BOTH = claim("difference", metric="clean_accuracy", of={"model": "one"}, over={"model": "other"}, at_least=-0.2)


@pytest.mark.parametrize("part", [CLEAN, ROBUST, SUCCESS, PUBLISHED, OTHER, BOTH])
def test_sound_models_are_judged(part: ClaimPart) -> None:
    found = judge(entry(part), two_models())
    assert found.verdict == "supported"
    assert "no_answer" not in names(found)


@pytest.mark.parametrize("part", [CLEAN, ROBUST, SUCCESS, PUBLISHED, BOTH])
def test_one_clean_image_in_one_of_four_runs_voids_every_cell_of_the_model(part: ClaimPart) -> None:
    source = two_models()
    silent_clean(source)
    found = judge(entry(part), source)
    assert found.verdict == "invalid"
    (finding,) = [finding for finding in found.findings if finding.name == "no_answer"]
    assert (finding.severity, finding.model, finding.attack) == ("void", "one", None)
    assert "one gives no answer (NaN) to 1 of 200 clean images in training run 3" in finding.message
    assert "image 7 of" in finding.message


def test_a_claim_about_another_model_stands() -> None:
    source = two_models()
    silent_clean(source)
    assert judge(entry(OTHER), source).verdict == "supported"


@pytest.mark.parametrize("part", [ROBUST, SUCCESS, PUBLISHED])
def test_attacked_images_without_an_answer_are_neither_successes_nor_failures(part: ClaimPart) -> None:
    source = two_models()
    silent_attacked(source)
    found = judge(entry(part), source)
    assert found.verdict == "invalid"
    (finding,) = [finding for finding in found.findings if finding.name == "no_answer"]
    assert "20 of 200 images under pgd at ε = 0.2 in training run 2, the first is image 30" in finding.message
    assert "2 of 4 training runs" in finding.message
    assert judge(entry(CLEAN), source).verdict == "supported"


def test_a_surrogate_without_answers_voids_what_is_made_on_it() -> None:
    source = two_models()
    silent = np.ones((4, 2, N), dtype=bool)
    source.attacks["one", "pgd"] = source.attacks["one", "pgd"]._replace(maker_unanswered=silent)
    source.all_traits["pgd"] = traits("pgd", is_white_box=False, surrogate="third")
    found = judge(entry(ROBUST), source)
    assert found.verdict == "invalid"
    assert any("third, on which pgd is made, gives no answer" in finding.message for finding in found.findings)


@pytest.mark.parametrize("spoil", [silent_clean, silent_attacked])
def test_a_detector_that_listens_to_a_silent_model_is_void(spoil: object) -> None:
    heard = (("one", None), ("other", None), ("one", "pgd"))
    part = claim("detection", detector="ears", true_positives_at_least=0.5, false_positives_at_most=0.2)
    source = two_models()
    source.detected["ears"] = Detections(firsts(N, 190, 4), firsts(N, 2, 4), heard=heard)
    assert judge(entry(part), source).verdict == "supported"
    spoil(source)  # type: ignore[operator]
    found = judge(entry(part), source)
    assert found.verdict == "invalid"
    assert names(found) == ["no_answer"]


def test_training_that_ends_in_nan_says_so() -> None:
    source = two_models()
    sound, lost = {"loss": [1.0, 0.5, 0.2]}, {"loss": [1.0, float("nan"), float("nan")]}
    source.histories["one"] = (sound, lost, sound, sound)
    found = judge(entry(CLEAN), source)
    (finding,) = [finding for finding in found.findings if finding.name == "training_diverged"]
    assert "of 1 of 4 training runs is NaN, of run 1 from epoch 2 on" in finding.message


def test_a_parameter_that_is_nan_is_void() -> None:
    source = two_models()
    source.parameters["one", "weight"] = ((0.3,), (float("nan"),), (0.4,))
    part = claim("parameter", model="one", name="weight", at_least=0.1)
    assert judge(entry(part), source).verdict == "invalid"


def asked(*counts: int, runs: int = 4) -> IntArray:
    """(runs, 5): the last run was answered differently so often, the others never."""
    found = np.zeros((runs, 5), dtype=np.int64)
    found[:, 0] = 100
    found[-1, 1:] = counts
    return found


@pytest.mark.parametrize(
    ("counts", "severity"),
    [
        ((0, 0, 0, 0), None),
        ((1, 5, 0, 0), "note"),
        ((0, 0, 1, 5), "note"),
        ((2, 2, 0, 0), "void"),
        ((0, 6, 0, 0), "void"),
        ((0, 0, 2, 2), "void"),
        ((0, 0, 0, 6), "void"),
    ],
)
@pytest.mark.parametrize("part", [CLEAN, ROBUST, PUBLISHED])
def test_answers_that_differ_void_every_cell_of_the_model(
    part: ClaimPart, counts: tuple[int, ...], severity: str | None
) -> None:
    source = two_models()
    source.cleans["one"] = source.cleans["one"]._replace(asked=asked(*counts))
    found = judge(entry(part), source)
    assert found.verdict == ("invalid" if severity == "void" else "supported")
    assert [f.severity for f in found.findings if f.name == "answers_differ"] == ([severity] if severity else [])
    assert judge(entry(OTHER), source).verdict == "supported"


def test_the_message_says_what_was_asked_and_what_it_means() -> None:
    source = two_models()
    source.cleans["one"] = source.cleans["one"]._replace(asked=asked(0, 0, 3, 90))
    source.attacks["one", "pgd"] = source.attacks["one", "pgd"]._replace(asked=asked(7, 20, 7, 20))
    messages = [f.message for f in judge(entry(ROBUST), source).findings if f.name == "answers_differ"]
    assert messages[0].startswith("asked in other batches, 90 of 100 images have other logits and 3 another class")
    assert "the images beside it" in messages[0]
    assert messages[1].startswith("asked again in the same batch, 20 of 100 adversarials of pgd have other logits")
    assert all("training run 3" in message for message in messages)


def test_answers_that_differ_under_attack_void_what_is_attacked() -> None:
    source = two_models()
    source.attacks["one", "pgd"] = source.attacks["one", "pgd"]._replace(asked=asked(9, 20, 0, 0))
    assert judge(entry(ROBUST), source).verdict == "invalid"
    assert judge(entry(CLEAN), source).verdict == "supported"


@pytest.mark.parametrize("part", [ROBUST, SUCCESS, PUBLISHED])
def test_an_attack_beyond_its_own_budget_is_void(part: ClaimPart) -> None:
    source = two_models()
    broken = np.zeros((4, 2, N), dtype=bool)
    broken[1, 0, 11:14] = True
    source.attacks["one", "pgd"] = source.attacks["one", "pgd"]._replace(outside=broken)
    found = judge(entry(part), source)
    assert found.verdict == "invalid"
    (finding,) = [finding for finding in found.findings if finding.name == "outside_budget"]
    assert "3 of 200 adversarials of pgd break the budget ε = 0.1" in finding.message
    assert "training run 1, the first is image 11" in finding.message
    assert judge(entry(CLEAN), source).verdict == "supported"


RETAINED = bound("retained", {"at_least": 0.1}, attack="pgd")


@pytest.mark.parametrize(
    ("n_right", "majority", "is_at_chance"),
    [(20, 0.1, True), (32, 0.1, True), (46, 0.1, False), (110, 0.5, True), (150, 0.5, False), (150, 0.75, True)],
)
def test_a_model_at_chance_keeps_nothing(n_right: int, majority: float, is_at_chance: bool) -> None:
    source = ArraySource()
    add(source, "one", firsts(N, n_right), {"pgd": [firsts(N, n_right), firsts(N, n_right - 2)]}, BUDGETS)
    source.cleans["one"] = source.cleans["one"]._replace(
        majority=np.arange(N) >= round(N * (1 - majority))  # right images come first
    )
    divided, robust = judge(entry(RETAINED), source), judge(entry(ROBUST), source)
    if is_at_chance:
        assert divided.verdict == "invalid"
        assert [f.severity for f in divided.findings if f.name == "at_chance"] == ["void"]
        assert [f.severity for f in robust.findings if f.name == "at_chance"] == ["note"]
    else:
        assert divided.verdict != "invalid"
        assert "at_chance" not in names(divided)
    assert robust.verdict != "invalid"


@pytest.mark.parametrize("runs", [1, 3])
def test_guessing_is_found_and_knowing_is_not(runs: int) -> None:
    """Ten classes: guesses are right for a tenth, and beyond chance about once in forty."""
    generator = np.random.default_rng(8)
    found = []
    for share in (0.1, 0.5):
        labels = generator.integers(10, size=400)
        right = (generator.random((runs, 400)) < share).astype(np.float32)
        source = ArraySource()
        add(source, "one", right, {"pgd": [right, right]}, BUDGETS)
        source.cleans["one"] = source.cleans["one"]._replace(majority=labels == np.bincount(labels).argmax())
        found.append("at_chance" in names(judge(entry(ROBUST), source)))
    assert found == [True, False]
