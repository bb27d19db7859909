"""An embedding as a picture: qubits as dots, chains as coloured lines (Kehoe et al. 2021, figure 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from qaml.samplers.annealer.embedding.chains import Chains
from qaml.types import DoubleArray

_WIDTH, _MARGIN = 900.0, 14.0
_VISIBLE, _HIDDEN = (200.0, 280.0), (10.0, 70.0)
"""Ranges of hues that distinguish the chains of a layer: blue to violet, red to yellow."""
_STYLE = "svg{background:#fff}.q{stroke:#c4c9d0}.c{stroke:#aab2bd}"


def draw(chains: Chains, n_visible: int, graph: Any, title: str) -> str:
    """An SVG of every qubit, the chains, and the couplers between them; couplers that are not used are left out."""
    places = _places(graph)
    spacing = _WIDTH / max(np.sqrt(len(graph)), 1)
    height = max(y for _, y in places.values()) + _MARGIN
    dot = max(0.16 * spacing, 1.0)
    owner = {qubit: unit for unit, chain in chains.items() for qubit in chain}
    between = [(a, b) for a, b in graph.edges if _joins(owner.get(a), owner.get(b), n_visible)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:.0f} {height:.0f}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        '<g fill="none" stroke-linecap="round">',
        f'<path class="q" stroke-width="{dot:.1f}" d="{"".join(f"M{_at(places[q])}h0" for q in sorted(graph))}"/>',
        f'<path class="c" stroke-width="{0.15 * dot:.2f}" d="{_lines(between, places)}"/>',
    ]
    for unit, chain in sorted(chains.items()):
        inside = list(graph.subgraph(chain).edges)
        dots = "".join(f"M{_at(places[qubit])}h0" for qubit in chain)
        parts.append(
            f'<g stroke="{_colour(unit, n_visible, len(chains))}"><path stroke-width="{0.5 * dot:.1f}" '
            f'd="{_lines(inside, places)}"/><path stroke-width="{dot:.1f}" d="{dots}"/></g>'
        )
    return "".join([*parts, "</g></svg>"])


def _places(graph: Any) -> Mapping[int, DoubleArray]:
    """The place of each qubit, in the picture's units, by Ocean's layout of the topology."""
    from dwave import graphs

    layout = getattr(graphs, f"{graph.graph['family']}_layout")
    points = {int(qubit): np.asarray(point) for qubit, point in layout(graph).items()}
    every = np.stack(list(points.values())) * (1, -1)
    low, extent = every.min(axis=0), max(float(np.ptp(every, axis=0).max()), 1e-9)
    scale = (_WIDTH - 2 * _MARGIN) / extent
    return {qubit: (point * (1, -1) - low) * scale + _MARGIN for qubit, point in points.items()}


def _joins(one: int | None, other: int | None, n_visible: int) -> bool:
    return one is not None and other is not None and (one < n_visible) != (other < n_visible)


def _lines(edges: list[tuple[int, int]], places: Mapping[int, DoubleArray]) -> str:
    return "".join(f"M{_at(places[a])}L{_at(places[b])}" for a, b in edges)


def _at(point: DoubleArray) -> str:
    return f"{point[0]:.0f} {point[1]:.0f}"


def _colour(unit: int, n_visible: int, n_units: int) -> str:
    """The colour of a chain: neighbouring chains of a layer have distant hues, light and dark in turn."""
    (low, high), place = (_VISIBLE, unit) if unit < n_visible else (_HIDDEN, unit - n_visible)
    n = n_visible if unit < n_visible else n_units - n_visible
    hue = low + (high - low) * ((place * 0.618) % 1.0 if n > 1 else 0.5)
    return f"hsl({hue:.0f} 65% {45 + 15 * (place % 2)}%)"
