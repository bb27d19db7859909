"""Parts in words: a reader sees where a defence stands."""

from __future__ import annotations

from pathlib import Path

from qaml.plan.words import in_words, model_in_words
from qaml.spec.load import load_suite

SUITE = load_suite(Path(__file__).parent.parent.parent / "specs" / "kehoe2021.yaml", "quick")


def test_an_attack_shows_its_threat_model() -> None:
    assert in_words(SUITE.attacks["fgsm"]).startswith("fgsm: epsilon 0.1, norm linf")


def test_a_data_defence_stands_before_the_attack() -> None:
    text = model_in_words(SUITE.models["cnn-squeezed"])
    assert "on mnist28-10k, 1 training run. Defence feature_squeezing: bits 4" in text
    assert "the attack starts from the defended image" in text


def test_adversarial_training_stands_in_training() -> None:
    text = model_in_words(SUITE.models["cnn-adv"])
    assert "Defence adversarial_training: attack fgsm, clean_share 0.5, regenerate once; in training" in text
