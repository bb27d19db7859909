"""Branch and bound against dense search on machines of two pixels, and against attacks on larger ones."""

import numpy as np
import pytest

from tests.reference.rbm_margin import Machine, verify


def machine(pixels: int, hidden: int, classes: int, size: float, seed: int) -> Machine:
    draw = np.random.default_rng(seed).normal
    return Machine(
        size * draw(size=(hidden, pixels)), draw(size=(hidden, classes)), draw(size=hidden), 0.1 * draw(size=classes)
    )


@pytest.mark.parametrize("seed", range(12))
def test_two_pixels_are_searched_densely(seed: int) -> None:
    two = machine(2, 6, 3, 4.0, seed)
    generator = np.random.default_rng(seed)
    answers = []
    for _ in range(10):
        x, epsilon = generator.uniform(size=2), generator.uniform(0.02, 0.3)
        y = int(two.logits(x).argmax())
        axes = (np.linspace(max(v - epsilon, 0), min(v + epsilon, 1), 60) for v in x)
        points = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2)
        activations = points @ two.weights.T + two.hidden_bias
        logits = np.logaddexp(0, activations[:, :, None] + two.labels).sum(1) + two.label_bias
        margins = logits[:, y] - np.delete(logits, y, 1).max(1)
        answer = verify(two, x, y, epsilon)
        answers.append(answer)
        if margins.min() < 0:
            assert answer == "broken"
        elif margins.min() > 0.05:  # a grid of 60 misses less than this
            assert answer == "proved"
    assert "undecided" not in answers


def test_both_answers_occur_on_a_machine_of_the_size_of_an_image() -> None:
    large = machine(40, 12, 4, 0.6, 0)
    generator = np.random.default_rng(1)
    images = [generator.uniform(size=40) for _ in range(12)]
    labels = [int(large.logits(x).argmax()) for x in images]
    small = [verify(large, x, y, 0.005) for x, y in zip(images, labels, strict=True)]
    wide = [verify(large, x, y, 0.3) for x, y in zip(images, labels, strict=True)]
    assert small.count("proved") >= 6
    assert wide.count("broken") >= 6


def test_a_wrong_class_is_broken_and_no_nodes_decide_nothing() -> None:
    two = machine(2, 6, 3, 4.0, 0)
    x = np.array([0.5, 0.5])
    y = int(two.logits(x).argmax())
    assert verify(two, x, (y + 1) % 3, 0.0) == "broken"
    assert verify(two, x, y, 0.2, nodes=0) in ("proved", "undecided")
