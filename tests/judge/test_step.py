"""Strips as the outcome tells them: files by artefact, norms of the threat, and where a perturbation was made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qaml.attacks.base import ATTACKS, AttackPart
from qaml.attacks.transfer import Transfer
from qaml.judge import step
from qaml.judge.evidence import StoreSource
from qaml.outcome.drawings import Strip
from qaml.plan.role import Role
from qaml.report.pages.claim import _strip

PICTURE: dict[str, Any] = {
    "files": ["0-clean.png", "0-adversarial.png", "0-perturbation.png"],
    "true_label": "3",
    "clean_label": "3",
    "clean_confidence": 0.9,
    "adversarial_label": "5",
    "adversarial_confidence": 0.6,
    "linf": 0.1,
    "l2": 1.5,
}
ALONG = {"image": 4, "epsilons": [0.0, 0.1], "classes": ["3", "5"], "values": [[0.9, 0.1], [0.4, 0.6]]}


def strip(folder: Path, attack: str, content: dict[str, Any]) -> Strip:
    (folder / "strip.json").write_text(json.dumps({"epsilon": "0.1", **content}))
    pgd = ATTACKS.load("pgd").model_validate({"kind": "pgd", "norm": "linf", "epsilon": (0.1,)})
    attacks: dict[str, AttackPart] = {"pgd": pgd, "pgd@convnet": Transfer(surrogate="convnet", attack="pgd")}
    roles = {Role("picture", "qvc", attack): "key"}
    source = StoreSource(roles, lambda _, name: folder / name, attacks, {})
    (made,) = step._strips(source, roles)
    return made


@pytest.mark.parametrize(
    ("attack", "surrogate", "caption"),
    [
        ("pgd", None, "1 of these 2 images fool qvc, trained with the first seed."),
        (
            "pgd@convnet",
            "convnet",
            "1 of these 2 images fool qvc, trained with the first seed. The perturbations were made on convnet, not on"
            " qvc.",
        ),
    ],
)
def test_the_caption_tells_where_the_perturbations_were_made(
    attack: str, surrogate: str | None, caption: str, tmp_path: Path
) -> None:
    made = strip(tmp_path, attack, {"pictures": [PICTURE, PICTURE | {"adversarial_label": "3"}]})
    assert (made.surrogate, made.caption) == (surrogate, caption)
    assert made.pictures[0].clean == "key/0-clean.png"
    assert made.pictures[0].norm == 0.1
    assert made.pictures[0].low_frequency is None
    assert made.probabilities is None


def test_an_image_that_is_wrong_without_an_attack_is_not_counted_as_fooled(tmp_path: Path) -> None:
    made = strip(tmp_path, "pgd", {"pictures": [PICTURE, PICTURE | {"clean_label": "5"}]})
    assert made.caption.startswith("1 of these 2 images fool qvc")
    assert made.caption.endswith("first seed; 1 is answered wrongly without an attack.")
    seen = _strip(made)
    assert [(picture.is_missed, picture.is_flipped) for picture in seen.pictures] == [(False, True), (True, True)]


def test_probabilities_and_frequencies_are_told_where_the_step_wrote_them(tmp_path: Path) -> None:
    made = strip(tmp_path, "pgd", {"pictures": [PICTURE | {"low_frequency": 0.25}], "probabilities": ALONG})
    assert made.pictures[0].low_frequency == 0.25
    assert made.probabilities is not None
    assert made.probabilities.image == 4
    assert made.probabilities.values == ((0.9, 0.1), (0.4, 0.6))
    assert Strip.model_validate_json(made.model_dump_json()) == made
