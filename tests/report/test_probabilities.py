from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaml.outcome.drawings import ClassProbabilities
from qaml.report.figures import probabilities
from qaml.report.figures.accents import Accent
from tests.report.sample_west import along, strip

INK = Accent("#000", "")


def course(*rows: tuple[float, ...], true: str = "a") -> probabilities.Course:
    grid = tuple(i / 10 for i in range(len(rows)))
    known = ClassProbabilities(image=0, epsilons=grid, classes=tuple("abcde"[: len(rows[0])]), values=rows)
    return probabilities.Course("net", true, known)


def test_models_meet_on_the_same_adversarials_of_the_same_image() -> None:
    shown = [strip("pgd", "convnet", m) for m in ("convnet", "qvc200")] + [strip("pgd", "qvc200", "qvc200")]
    other = strip("pgd", "convnet", "resnet").model_copy(update={"probabilities": along("convnet", "resnet", 5)})
    bare = strip("pgd", "convnet", "qvc500").model_copy(update={"probabilities": None})
    found = probabilities.groups([*shown, other, bare])
    assert [(g.origin.model, [c.model for c in g.courses]) for g in found] == [
        ("convnet", ["convnet", "qvc200"]),
        ("qvc200", ["qvc200"]),
        ("convnet", ["resnet"]),
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (((0.95, 0.05), (0.8, 0.2)), "a stays the most probable class up to ε = 0.1."),
        (((0.95, 0.05), (0.6, 0.4), (0.3, 0.7)), "a is the most probable class up to ε = 0.1; b from ε = 0.2."),
        (((0.95, 0.05), (0.3, 0.7)), "a is the most probable class of the clean image only; b from ε = 0.1."),
        (((0.05, 0.95), (0.9, 0.1)), "a is not the most probable class even of the clean image (b is)."),
        (
            ((0.3, 0.25, 0.25, 0.2), (0.28, 0.26, 0.26, 0.2)),
            "a stays the most probable class up to ε = 0.1. The logits of an image span at most 0.41, so the"
            " probabilities stay close together.",
        ),
    ],
)
def test_the_sentence_tells_where_the_true_class_loses(rows: tuple[tuple[float, ...], ...], said: str) -> None:
    assert probabilities.sentence(course(*rows)) == said


def test_the_true_class_is_thick_and_three_likeliest_and_it_are_named() -> None:
    drawn = probabilities.draw(course((0.9, 0.1, 0, 0, 0), (0.01, 0.4, 0.3, 0.2, 0.09)), INK, "t", "d")
    assert drawn.count('class="true"') == 1
    assert drawn.count('class="rival"') == 3
    assert drawn.count('class="rest"') == 1
    assert drawn.count('class="nm') == 4
    assert drawn.count('class="nm true"') == 1


@given(st.lists(st.tuples(*[st.floats(0, 1) | st.just(math.nan)] * 3), min_size=1, max_size=5))
def test_any_probabilities_can_be_drawn(rows: list[tuple[float, ...]]) -> None:
    drawn = probabilities.draw(course(*rows), INK, "t", probabilities.sentence(course(*rows)))
    assert "nan" not in drawn
