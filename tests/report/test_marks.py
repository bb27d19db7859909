from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from qaml.report.html import _static
from qaml.report.marks import _COLOURS, MARKS, accents, words
from tests.report.sample import sample

Array = NDArray[np.float64]

# Machado, Oliveira, Fernandes 2009, severity 1: how linear RGB looks to people without one kind of cone
VISION = {
    "ordinary": np.eye(3),
    "protanopia": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "deuteranopia": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "tritanopia": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> Array:
    share = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(rgb: Array) -> Array:
    relative = TO_XYZ @ np.clip(rgb, 0, 1) / [0.9505, 1.0, 1.089]
    f = np.where(relative > 0.008856, np.cbrt(relative), 7.787 * relative + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("colours", [[m.colour for m in MARKS.values()], _COLOURS], ids=["verdicts", "models"])
def test_colours_are_told_apart_by_everybody(vision: str, colours: list[str]) -> None:
    seen = [lab(VISION[vision] @ linear(colour)) for colour in colours]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 10


def contrast_on_white(colour: str) -> float:
    return float(1.05 / (linear(colour) @ TO_XYZ[1] + 0.05))


def test_verdicts_are_readable_on_white_and_differ_in_symbol() -> None:
    assert all(contrast_on_white(mark.colour) >= 4.5 for mark in MARKS.values())
    assert all(contrast_on_white(colour) >= 3 for colour in _COLOURS)
    assert len({mark.symbol for mark in MARKS.values()}) == 4


def test_the_style_sheet_has_the_same_colours() -> None:
    css = _static("report.css")
    assert all(f"--{verdict}: {mark.colour};" in css for verdict, mark in MARKS.items())


def test_every_model_has_one_look_of_its_own() -> None:
    looks = accents(sample())
    assert {"rbm", "cnn-adv", "cnn-squeezed", "cnn-smoothed", "cnn"} <= looks.keys()
    assert len(set(looks.values())) == len(looks)


def test_names_are_read_as_words() -> None:
    assert words("transfer_beats_white_box") == "transfer beats white-box"
