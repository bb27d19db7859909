"""Embeddings of complete bipartite graphs: chains of qubits that stand for one unit each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import networkx as nx
from minorminer import find_embedding
from minorminer.busclique import busgraph_cache

from qaml.errors import PartError
from qaml.samplers.annealer.part import TODAY

if TYPE_CHECKING:
    from qaml.samplers.annealer.part import Topology

Chains = Mapping[int, tuple[int, ...]]
"""Unit → qubits; visible units are 0 … n − 1, hidden ones n … n + m − 1."""
_TRIES = 3


class Size(NamedTuple):
    """What an embedding costs.

    Attributes:
        qubits: in all chains.
        shortest: qubits of the shortest chain.
        longest: of the longest.
    """

    qubits: int
    shortest: int
    longest: int


def size_of(chains: Chains) -> Size:
    """Qubits and chain lengths."""
    lengths = [len(chain) for chain in chains.values()]
    return Size(sum(lengths), min(lengths), max(lengths))


@lru_cache(maxsize=4)
def graph_of(topology: Topology, size: int, broken: tuple[int, ...] = ()) -> Any:
    """The qubits and couplers of an emulated annealer, as a networkx graph."""
    from dwave import graphs

    make = {"chimera": graphs.chimera_graph, "pegasus": graphs.pegasus_graph, "zephyr": graphs.zephyr_graph}[topology]
    graph = make(size)
    graph.remove_nodes_from(broken)
    return graph


def embed(
    n_visible: int, n_hidden: int, graph: Any, method: Literal["structure", "minorminer"], seed: int = 0
) -> dict[int, tuple[int, ...]]:
    """Chains for every unit of an RBM.

    Args:
        n_visible: n.
        n_hidden: m.
        graph: of the annealer, with its topology's name and size.
        method: ``structure`` lays chains along the lines of the topology (Boothby et al. 2016), around broken qubits;
            ``minorminer`` searches (Cai, Macready & Roy 2014).
        seed: of the search.

    Raises:
        PartError: no embedding was found; how large a machine fits, where that is known.
    """
    if method == "structure":
        found = busgraph_cache(graph).find_biclique_embedding(n_visible, n_hidden)
    else:
        edges = [(i, n_visible + j) for i in range(n_visible) for j in range(n_hidden)]
        found = find_embedding(edges, graph.edges, random_seed=seed, tries=_TRIES)
    if not found:
        raise PartError(
            f"an RBM of {n_visible} visible and {n_hidden} hidden units does not fit on {_name(graph)}",
            _what_fits(n_visible, n_hidden, graph),
        )
    chains = {int(unit): tuple(int(qubit) for qubit in found[unit]) for unit in sorted(found)}
    verify(chains, n_visible, n_hidden, graph)
    return chains


def verify(chains: Chains, n_visible: int, n_hidden: int, graph: Any) -> None:
    """Check an embedding qubit by qubit and coupler by coupler.

    Raises:
        PartError: a unit without a chain, a qubit used twice or not there, a chain in pieces, two units without a
            coupler between them.
    """
    if set(chains) != set(range(n_visible + n_hidden)):
        raise PartError(f"expected chains for units 0 to {n_visible + n_hidden - 1}, got {len(chains)} of them")
    owner: dict[int, int] = {}
    for unit, chain in chains.items():
        for qubit in chain:
            if qubit not in graph:
                raise PartError(f"the chain of unit {unit} has qubit {qubit}, which is not on {_name(graph)}")
            if owner.setdefault(qubit, unit) != unit:
                raise PartError(f"qubit {qubit} is in the chains of units {owner[qubit]} and {unit}")
        if not chain or not nx.is_connected(graph.subgraph(chain)):
            raise PartError(f"the chain of unit {unit} is in pieces: {', '.join(map(str, chain)) or 'no qubit'}")
    joined = {(owner[a], owner[b]) for a, b in graph.edges if a in owner and b in owner}
    for i in range(n_visible):
        for j in range(n_visible, n_visible + n_hidden):
            if (i, j) not in joined and (j, i) not in joined:
                raise PartError(f"no coupler joins the chains of units {i} and {j}")


def _name(graph: Any) -> str:
    family = graph.graph.get("family", "the annealer")
    rows = graph.graph.get("rows", "")
    return f"{family} {rows}".strip() + f" ({len(graph):,} qubits)"


def _what_fits(n_visible: int, n_hidden: int, graph: Any) -> str:
    """The largest equal layers here, and the topologies on which this machine fits."""
    largest = busgraph_cache(graph).largest_balanced_biclique()
    here = f"at most {len(largest) // 2} × {len(largest) // 2} fit; " if largest else ""
    others = []
    for name, size in TODAY.items():
        other = graph_of(name, size)
        if busgraph_cache(other).find_biclique_embedding(n_visible, n_hidden):
            others.append(f"{name} {size}")
    fits = f"it fits on {' and '.join(others)}" if others else "it fits on none of the topologies of today's annealers"
    return here + fits
