"""Panels of test examples, and circuits, as drawings."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest
from markupsafe import Markup
from pydantic import ValidationError

from qaml.outcome.drawings import CircuitDrawing, Portrait
from qaml.report.figures import circuit, portrait, sweep
from tests.report.sample_huang import CIRCUIT, LAYER, PORTRAIT, SCATTER, portrayed


def paths(drawing: Markup) -> dict[str, str]:
    """Class → path data of every path that has a class."""
    found = (element for element in ElementTree.fromstring(drawing).iter() if element.tag.endswith("path"))
    return {element.get("class", ""): element.get("d", "") for element in found}


def test_examples_are_dots_and_crosses_of_their_class() -> None:
    drawn = paths(portrait.draw(PORTRAIT, SCATTER, "what to see"))
    assert drawn["k0 dot faint"].count("M") == 1
    assert drawn["k1 dot faint"].count("M") == drawn["k1 cross faint"].count("M") == 1
    assert drawn["k0 dot"].count("M") == 1
    assert drawn["k1 cross"].count("M") == 1  # the third has no place
    said = portrait.sentence(PORTRAIT, SCATTER)
    assert said == "2 of 3 clean examples and 1 attacked ones are classified correctly."


def test_regions_are_one_path_a_level() -> None:
    drawn = paths(portrait.draw(PORTRAIT, SCATTER, ""))
    assert {name for name in drawn if name.startswith("r ")} == {"r r0", "r r5", "r r9"}
    assert drawn["r r0"].count("h144") == 2  # two of four cells in both rows
    assert drawn["r r9"].count("M") == 1


def test_a_portrait_is_written_in_few_characters() -> None:
    many = SCATTER.model_copy(update={"clean": ((1 / 3,) * 100, (2 / 3,) * 100)})
    text = PORTRAIT.model_copy(update={"scatters": (many,)}).model_dump_json(indent=1)
    assert len(text) < 2500
    assert Portrait.model_validate_json(text).scatters[0].clean[0] == (0.33333,) * 100
    assert math.isnan(Portrait.model_validate_json(PORTRAIT.model_dump_json()).scatters[0].attacked[0][2])  # type: ignore[index]


def test_gates_stand_in_columns_one_wire_beside_another() -> None:
    columns = [gate.column for gate in circuit._placed(CIRCUIT)]
    assert columns == [0, 0, 1, 1, 2, 3, 3, 4, 4, 5]
    drawing = circuit.draw(CIRCUIT, "")
    assert drawing.count('class="bx drawn"') == 4
    assert "⟨Z⟩" in drawing
    assert circuit.sentence(CIRCUIT) == (
        "Inputs are amplitudes of 2 wires; 10 gates; Z is measured on wire 1. R is any rotation of one wire."
        " Filled gates are rotated by noise, anew for each example."
    )


def test_gates_between_distant_wires_have_their_column_to_themselves() -> None:
    gates = ("cnot 0 2", "cnot 1 3", "rot 1")
    placed = circuit._placed(CIRCUIT.model_copy(update={"n_wires": 4, "gates": gates}))
    assert [gate.column for gate in placed] == [0, 1, 2]


def texts(drawing: Markup) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(drawing).iter() if element.tag.endswith("text")]


@pytest.mark.parametrize(
    ("readout", "labels"),
    [
        ({"groups": [[1]]}, ["⟨Z⟩"]),
        ({"groups": [[0, 1, 2]]}, ["⟨Z₀Z₁Z₂⟩"]),
        ({"groups": [[0, 1], [2, 3], [1, 2]], "has_head": True}, ["⟨Z₀Z₁⟩", "⟨Z₂Z₃⟩", "⟨Z₁Z₂⟩", "W"]),
        ({"groups": [[3, 2, 1, 0]], "is_log": True}, ["⟨Z…Z⟩"]),
        ({"groups": [[i, 3] for i in (0, 1, 2, 0, 1)]}, ["⟨Z₀Z₃⟩", "⟨Z₁Z₃⟩", "⟨Z₂Z₃⟩", "⟨Z₀Z₃⟩", "…"]),
        ({"groups": [[3]], "n_outcomes": 2}, ["P"]),
        ({"groups": [[2, 3]], "n_outcomes": 3, "is_renormalised": True, "is_log": True}, ["log P/ΣP"]),
        ({"groups": [[2, 3]], "n_outcomes": 4, "has_head": True}, ["P", "W"]),
    ],
)
def test_what_is_measured_has_its_marks(readout: dict[str, object], labels: list[str]) -> None:
    drawn = CIRCUIT.model_dump() | {"n_wires": 4, "readout": readout}
    assert texts(circuit.draw(CircuitDrawing.model_validate(drawn), ""))[4 : 4 + len(labels)] == labels


def test_features_are_drawn_beside_their_gates() -> None:
    gates, features = ("rx 0", "crz 1 0", "swap 0 1", "~depolarising 1"), ("x0–7", "x1·x2", "", "")
    update = {"gates": gates, "features": features, "amplitudes": (1,), "n_gates": 4}
    named = CIRCUIT.model_copy(update=update)
    assert texts(circuit.draw(named, "")) == [
        *("|0⟩ 0", "|ψ⟩ 1", "⟨Z⟩"),
        *("RX", "x₀–₇", "RZ", "x₁·x₂", "DP"),
    ]
    assert circuit.sentence(named) == (
        "Inputs are amplitudes of wire 1, of 2 wires, and their features are angles, too; 4 gates; Z is measured on"
        " wire 1. Beside a gate are the features x in its angles. Filled boxes are channels of noise, averaged over: DP"
        " depolarising."
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"patch": (1, 2, 3)}, "Each patch of 2×3 pixels goes through one circuit. Inputs are"),
        (
            {"patch": (3, 2, 2), "n_filters": 4},
            "Each patch of 2×2 pixels in 3 channels goes through the first of 4 circuits. Inputs are",
        ),
    ],
)
def test_a_circuit_of_patches_says_so(fields: dict[str, object], words: str) -> None:
    assert circuit.sentence(CIRCUIT.model_copy(update=fields)).startswith(words)


@pytest.mark.parametrize(
    "fields",
    [
        {"patch": (2, 2)},
        {"features": ("x0",)},
        {"features": ("<b>",) * 10},
        {"amplitudes": (2,)},
        {"readout": {"groups": ((0, 2),)}},
        {"readout": {"groups": ((),)}},
    ],
)
def test_a_readout_that_cannot_be_drawn_is_damage(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CircuitDrawing.model_validate(CIRCUIT.model_dump() | fields)


def test_a_long_circuit_says_how_much_of_it_is_drawn() -> None:
    long = CIRCUIT.model_copy(update={"gates": 10 * LAYER, "n_gates": 200})
    assert "200 gates, of which the first 42 are drawn" in circuit.sentence(long)
    assert "…" in circuit.draw(long, "")


def test_a_trend_over_models_is_a_figure_and_one_over_epsilon_is_not() -> None:
    trend = portrayed()
    cells = trend.cells
    swept = sweep.cells(trend)
    assert [each.model for each in swept] == ["qnn-10", "qnn-20"]
    assert sweep.sentence(swept).startswith("From 40")
    assert "qnn-20" in sweep.draw(swept, "t", "d")
    assert sweep.cells(trend.model_copy(update={"cells": (cells[0], cells[0].model_copy(update={"label": "x"}))})) == ()
    assert sweep.cells(trend.model_copy(update={"kind": "difference"})) == ()


@pytest.mark.parametrize("gate", ["cnot 0 2", "cnot", "<b> 0", "rx -1"])
def test_a_gate_that_cannot_be_drawn_is_damage(gate: str) -> None:
    with pytest.raises(ValidationError):
        CircuitDrawing.model_validate(CIRCUIT.model_dump() | {"gates": (gate,)})
