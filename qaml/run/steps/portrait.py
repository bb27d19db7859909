"""A model's regions, its states of clean and attacked examples, and its circuit, for the report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from qaml.attacks.geometry import closed_around
from qaml.models.capabilities import Encoding, OnSphere, Sketch, Sketched, averaged, is_randomised
from qaml.models.one_wire.network import OneWireClassifier
from qaml.models.seeding import reseed
from qaml.plan.role import Role
from qaml.quantum.circuit import Channel, Gate, Operation
from qaml.run.answers import classes, probabilities
from qaml.run.arrays import Rows, read_arrays
from qaml.run.classifier import as_asked, trained
from qaml.run.job import Job
from qaml.types import AnyArray, DoubleArray, InputInfo, IntArray

CELLS = 61
"""Number of points of a grid over two features, along each."""
MOST_GATES = 150
"""Largest number of a circuit's gates that are drawn."""
MOST_TERMS = 3
"""Largest number of features, or runs of them, that are named at a gate."""
DISC = (-1.05, 1.05)


def execute(job: Job) -> None:
    """Write ``portrait.json``: the fields of a ``Portrait`` and of a ``CircuitDrawing``, at the largest budget.

    Two features have a panel with the model's regions; a circuit has panels with the examples' states: the principal
    components of the density matrices of encoded inputs, and the measured wire's Bloch vector, untrained and trained.
    """
    description = job.payload["classifier"]
    info: InputInfo = description["dataset"].info
    module = trained(job, description)
    # points and regions of a randomised model are those of the average over draws, or of one draw
    decider = averaged(module)
    path = job.read(Role("attack"), "adversarials.npz")
    made = read_arrays(path, without="adversarials")
    count = min(job.payload["count"], len(made["labels"]))
    with path.open("rb") as file:
        rows = Rows(file, "adversarials", merged=2)
        last = len(rows) - len(made["labels"])
        shown = (made["start"][:count], rows[last : last + count])
    clean, attacked = (torch.from_numpy(images).to(job.device) for images in shown)
    labels = made["labels"][:count]
    reseed(module, job.seed)
    content: dict[str, Any] = {
        "epsilon": repr(float(made["epsilons"][-1])),
        "classes": list(info.classes),
        "labels": labels.tolist(),
        "clean_correct": _correct(decider, clean, labels),
        "attacked_correct": _correct(decider, attacked, labels),
        "scatters": [],
        "circuit": _circuit(module),
    }
    if info.n_features == 2 and info.n_classes == 2:
        content["scatters"].append(_regions(decider, info, clean, attacked))
    if isinstance(module, Encoding) and len(clean) > 1:
        content["scatters"].append(_components(module, clean, attacked))
    has_channels = isinstance(module, OneWireClassifier) and bool(module.channels)
    if isinstance(module, OnSphere) and not has_channels:
        untrained = description["model"].build(info, job.payload["trained_from"]).to(job.device)
        for title, circuit, moved in (("before", as_asked(untrained, description), None), ("after", module, attacked)):
            assert isinstance(circuit, OnSphere), "training leaves a circuit one"
            reseed(circuit, job.seed)
            content["scatters"].append(_bloch(f"{title} training", circuit, clean, moved))
    (job.output / "portrait.json").write_text(json.dumps(content))


def _correct(module: nn.Module, inputs: Tensor, labels: IntArray) -> list[int]:
    return [int(right) for right in classes(module, inputs) == labels]


def _scatter(title: str, x_name: str, y_name: str, clean: AnyArray, attacked: AnyArray | None) -> dict[str, Any]:
    """A panel with points (n, 2)."""
    return {
        "title": title,
        "x_name": x_name,
        "y_name": y_name,
        "clean": _columns(clean),
        "attacked": None if attacked is None else _columns(attacked),
    }


def _columns(points: AnyArray) -> list[list[float]]:
    columns: list[list[float]] = np.asarray(points, dtype=np.float64).round(5).T.tolist()
    return columns


@torch.no_grad()
def _regions(module: nn.Module, info: InputInfo, clean: Tensor, attacked: Tensor) -> dict[str, Any]:
    """A panel of both features within their bounds, or their range, with the model's probabilities on a grid."""
    shown = torch.cat((clean, attacked))
    low, high = closed_around(info.bounds, shown)
    ticks = torch.linspace(low, high, CELLS, device=clean.device)
    ys, xs = torch.meshgrid(ticks.flip(0), ticks, indexing="ij")
    grid = torch.stack((xs, ys), -1).reshape(-1, *info.shape)
    second = probabilities(module(grid))[:, 1].cpu().numpy().reshape(CELLS, CELLS)
    rows = ["".join(str(min(int(10 * p), 9)) if np.isfinite(p) else "-" for p in row) for row in second]
    points = _scatter(
        "decision regions", "feature 1", "feature 2", clean.flatten(1).cpu().numpy(), attacked.flatten(1).cpu().numpy()
    )
    return points | {"x_range": [low, high], "y_range": [low, high], "regions": rows}


@torch.no_grad()
def _components(module: Encoding, clean: Tensor, attacked: Tensor) -> dict[str, Any]:
    states, moved = (module.states(inputs.double()).cpu().numpy() for inputs in (clean, attacked))
    points, attacked_points, explained = principal_components(states, moved)
    names = [f"component {i + 1} ({share:.0%} of the variance)" for i, share in enumerate(explained)]
    return _scatter("states in Hilbert space, principal components", names[0], names[1], points, attacked_points)


def principal_components(clean: AnyArray, attacked: AnyArray) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """The first two principal components of density matrices |ψ⟩⟨ψ|, found from the clean states.

    Their inner products are fidelities, tr(ρσ) = |⟨ψ|φ⟩|², so the components follow from the centred matrix of
    fidelities, and states that differ by a phase are one point.

    Args:
        clean: (n, d) states, n at least 2.
        attacked: (m, d) states, which are placed in the same plane.

    Returns:
        Coordinates (n, 2) and (m, 2), and the shares of the clean states' variance that both explain.
    """
    between, across = (np.abs(states.conj() @ clean.T) ** 2 for states in (clean, attacked))
    mean = between.mean(0)
    centred = between - mean - mean[:, None] + mean.mean()
    values, vectors = np.linalg.eigh(centred)
    values, vectors = values[:-3:-1].clip(0), vectors[:, :-3:-1]
    roots = np.sqrt(np.where(values > 1e-12, values, np.inf))  # without variance all coordinates are zero
    placed = across - across.mean(1, keepdims=True) - mean + mean.mean()
    total = max(float(np.trace(centred)), 1e-12)
    return centred @ vectors / roots, placed @ vectors / roots, values / total


def _bloch(title: str, module: OnSphere, clean: Tensor, attacked: Tensor | None) -> dict[str, Any]:
    """A panel of ⟨X⟩ and ⟨Z⟩ of the measured wire, in one draw for each example."""
    points = module.bloch(clean)[:, ::2].cpu().numpy()
    moved = None if attacked is None else module.bloch(attacked)[:, ::2].cpu().numpy()
    panel = _scatter(f"measured wire, {title}", "⟨X⟩", "⟨Z⟩", points, moved)
    return panel | {"x_range": list(DISC), "y_range": list(DISC), "has_circle": True}


def _circuit(module: nn.Module) -> Mapping[str, Any] | None:
    """The fields of a ``CircuitDrawing``; ``None`` for other models."""
    if not isinstance(module, Sketched):
        return None
    sketch = module.sketch("draws" if is_randomised(module) else "none")
    circuit, measured = sketch.circuit, sketch.measured
    shown = circuit.operations[:MOST_GATES]
    features = [_features(operation, sketch) for operation in shown]
    return {
        "n_wires": circuit.n_wires,
        "encoding": circuit.encoding,
        "gates": [_gate(operation, sketch) for operation in shown],
        "n_gates": len(circuit.operations),
        "measured": list(dict.fromkeys(wire for group in measured.groups for wire in group)),
        "readout": measured._asdict(),
        "amplitudes": list(sketch.amplitudes),
        "features": features if any(features) else [],
        **({"patch": sketch.patch, "n_filters": sketch.n_filters} if sketch.patch else {}),
    }


def _gate(operation: Operation, sketch: Sketch) -> str:
    """``name wire …``, behind ``~`` if an angle is drawn or the operation is noise."""
    is_noise = isinstance(operation, Channel) or any(
        angle.source == "draw" and "draw" not in sketch.features for angle in operation.angles
    )
    return f"{'~' if is_noise else ''}{operation.name} {' '.join(map(str, operation.wires))}"


def _features(operation: Operation, sketch: Sketch) -> str:
    """The features in a gate's angles, each product once, runs of features as ``x0–7``."""
    angles = operation.angles if isinstance(operation, Gate) else ()
    columns = [sketch.features[angle.source][angle.index] for angle in angles if angle.source in sketch.features]
    terms = list(_in_runs(dict.fromkeys(tuple(product) for column in columns for product in column)))
    return " ".join([*terms[:MOST_TERMS], "…"] if len(terms) > MOST_TERMS else terms)


def _in_runs(products: Iterable[tuple[int, ...]]) -> Iterator[str]:
    """Each product in words; three features or more that follow each other are one run."""
    run: list[int] = []
    for product in (*products, ()):
        if len(product) == 1 and run and product[0] == run[-1] + 1:
            run.append(product[0])
            continue
        yield from [f"x{run[0]}–{run[-1]}"] if len(run) > 2 else [f"x{each}" for each in run]
        run = list(product) if len(product) == 1 else []
        if len(product) > 1:
            yield "·".join(f"x{each}" for each in product)
