"""The figures of the explanation pages are what the code draws."""

from __future__ import annotations

import re

import pytest

from docs.figures.draw import FIGURES, HERE, _spread

COMPUTED_ANYWHERE = ("verdicts", "attacks", "coverage")
"""The other trains a classifier: its last digits belong to the machine."""


@pytest.mark.parametrize("name", COMPUTED_ANYWHERE)
def test_committed_figure_is_the_codes(name: str) -> None:
    drawn = FIGURES[name]() + "\n"
    assert (HERE / f"{name}.svg").read_text("utf-8") == drawn, "run: python -m docs.figures.draw"


def test_exact_distances_lie_below_every_attack() -> None:
    text = (HERE / "distances.svg").read_text("utf-8")
    exact = _heights(text, "wide c3")
    for look in ("c1", "c2"):
        assert all(y <= bottom + 0.11 for y, bottom in zip(_heights(text, look), exact, strict=True))


def _heights(text: str, look: str) -> list[float]:
    (line,) = re.findall(rf'<path d="M([^"]*)" class="line {look}"', text)
    return [float(point.split()[1]) for point in line.split("L")]


def test_names_never_touch_and_stay_inside() -> None:
    assert _spread([10.0, 12.0, 100.0], 100.0) == [10.0, 25.0, 100.0]
    assert _spread([98.0, 99.0, 100.0], 100.0) == [70.0, 85.0, 100.0]
