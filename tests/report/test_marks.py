from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from qaml.report.figures.accents import N_COLOURS, accents
from qaml.report.figures.transfer import _HOT
from qaml.report.pages.html import _static
from qaml.report.text.marks import MARKS, words
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


def schemes() -> dict[str, dict[str, str]]:
    """The style sheet's colours by name, for light and for dark."""
    light, dark = _static("report.css").split("@media screen and (prefers-color-scheme: dark)")
    named = re.compile(r"--([a-z0-9]+): (#(?:[0-9a-f]{3}){1,2});")
    both = [
        {name: colour if len(colour) == 7 else doubled(colour) for name, colour in named.findall(part)}
        for part in (light, dark)
    ]
    return {"light": both[0], "dark": both[0] | both[1]}


def doubled(colour: str) -> str:
    return "#" + "".join(2 * digit for digit in colour[1:])


SCHEMES = schemes()
MODELS = [f"a{i}" for i in range(N_COLOURS)]


def contrast(one: Array, other: Array) -> float:
    low, high = sorted(float(colour @ TO_XYZ[1]) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("names", [list(MARKS), MODELS], ids=["verdicts", "models"])
def test_colours_are_told_apart_by_everybody(vision: str, names: list[str], scheme: str) -> None:
    seen = [lab(VISION[vision] @ linear(SCHEMES[scheme][name])) for name in names]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 10


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", [*MARKS, *MODELS, "ink", "soft", "link"])
def test_text_is_readable_in_light_and_dark(name: str, scheme: str) -> None:
    colours = SCHEMES[scheme]
    assert contrast(linear(colours[name]), linear(colours["paper"])) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_numbers_in_a_transfer_matrix_are_readable(scheme: str) -> None:
    colours = {
        name: np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) for name, colour in SCHEMES[scheme].items()
    }
    for accuracy in np.linspace(0, 1, 101):
        mixed = (colours["heat"] * (1 - accuracy) + colours["paper"] * accuracy).round().astype(int)
        cell = linear("#" + "".join(f"{part:02x}" for part in mixed))
        assert contrast(cell, linear(SCHEMES[scheme]["hot" if accuracy < _HOT else "cool"])) >= 4.5


def test_every_colour_of_light_has_one_for_dark() -> None:
    light, dark = _static("report.css").split("@media screen and (prefers-color-scheme: dark)")
    assert set(re.findall(r"--(\w+): #", light)) == set(re.findall(r"--(\w+): #", dark.split("}")[0]))


def test_verdicts_differ_in_symbol() -> None:
    assert len({mark.symbol for mark in MARKS.values()}) == 4


def test_every_model_has_one_look_of_its_own() -> None:
    looks = accents(sample())
    assert {"rbm", "cnn-adv", "cnn-squeezed", "cnn-smoothed", "cnn"} <= looks.keys()
    assert len(set(looks.values())) == len(looks)


def test_names_are_read_as_words() -> None:
    assert words("transfer_beats_white_box") == "transfer beats white-box"
