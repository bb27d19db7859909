"""An outcome with portraits and a circuit."""

from __future__ import annotations

import math

from qaml.outcome.drawings import CircuitDrawing, Portrait, Scatter
from qaml.outcome.outcome import Outcome
from tests.report.sample import cell, outcome

SCATTER = Scatter(
    title="decision regions",
    x_name="feature 1",
    y_name="feature 2",
    clean=((0.1, 0.9, 0.5), (0.2, 0.8, 0.4)),
    attacked=((0.2, 0.8, math.nan), (0.2, 0.7, 0.4)),
    x_range=(0.0, 1.0),
    y_range=(0.0, 1.0),
    regions=("0099", "0055"),
)
PORTRAIT = Portrait(
    model="qnn",
    attack="bim",
    epsilon=0.1,
    classes=("a", "b"),
    labels=(0, 1, 1),
    clean_correct=(1, 1, 0),
    attacked_correct=(1, 0, 0),
    scatters=(SCATTER,),
)
LAYER = ("~ry 0", "~ry 1", "rot 0", "rot 1", "cnot 0 1")
CIRCUIT = CircuitDrawing(model="qnn", n_wires=2, encoding="amplitude", gates=2 * LAYER, n_gates=10, measured=(1,))


def portrayed() -> Outcome:
    """A trend over two depths, with all that is drawn of circuits."""
    cells = (cell("qnn-10", "bim", 0.4), cell("qnn-20", "bim", 0.6))
    return outcome(
        "deeper-is-better",
        "Deeper circuits are more robust.",
        suite="huang2023",
        kind="trend",
        cells=cells,
        portraits=(PORTRAIT,),
        circuits=(CIRCUIT,),
    )
