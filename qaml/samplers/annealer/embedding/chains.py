"""Embeddings of complete bipartite graphs: one chain of qubits for each unit."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
from minorminer import find_embedding
from minorminer.busclique import busgraph_cache

from qaml.errors import PartError
from qaml.files.regular import as_written, read_regular
from qaml.samplers.annealer.part import MOST_BYTES, TODAY, GivenChains, Layout, Topology
from qaml.types import DoubleArray

Chains = Mapping[int, tuple[int, ...]]
"""Unit → qubits; visible units are 0 … n − 1, hidden ones n … n + m − 1."""
_TRIES = 3


class Size(NamedTuple):
    """The number of qubits of an embedding.

    Attributes:
        qubits: number of qubits in all chains.
        shortest: number of qubits of the shortest chain.
        longest: number of qubits of the longest chain.
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


def qubits_of(layout: Layout, qpu: Any = None) -> Any:
    """The graph of a layout: an emulated annealer's, or the one that the QPU reports."""
    if layout.topology is None:
        return qpu.to_networkx_graph()
    return graph_of(layout.topology, layout.size, layout.broken_qubits)


def embed(n_visible: int, n_hidden: int, graph: Any, layout: Layout, seed: int = 0) -> dict[int, tuple[int, ...]]:
    """Chains for every unit of an RBM.

    ``structure`` lays chains along the lines of the topology (Boothby et al. 2016), around broken qubits;
    ``minorminer`` searches (Cai, Macready & Roy 2014); chains in a file are taken as they are.

    Args:
        n_visible: number n of visible units.
        n_hidden: number m of hidden units.
        graph: graph of the annealer, with its topology's name and size.
        layout: how the chains are found.
        seed: seed of the search.

    Raises:
        PartError: no embedding was found, with the size of a machine that fits, where that is known; or the file holds
            none.
    """
    if layout.chains is not None:
        chains = read_chains(layout.chains)
        verify(chains, n_visible, n_hidden, graph)
        return chains
    if layout.embedding == "structure":
        found = busgraph_cache(graph).find_biclique_embedding(n_visible, n_hidden)
    else:
        edges = [(i, n_visible + j) for i in range(n_visible) for j in range(n_hidden)]
        found = find_embedding(edges, graph.edges, random_seed=seed, tries=_TRIES)
    if not found:
        raise PartError(
            f"an RBM of {n_visible} visible and {n_hidden} hidden units does not fit on {name_of(graph)}",
            _what_fits(n_visible, n_hidden, graph),
        )
    chains = {int(unit): tuple(int(qubit) for qubit in found[unit]) for unit in sorted(found)}
    chains = trimmed(chains, n_visible, graph)
    verify(chains, n_visible, n_hidden, graph)
    return chains


def read_chains(given: GivenChains) -> dict[int, tuple[int, ...]]:
    """Chains from a file.

    Raises:
        PartError: the file is missing, has another checksum, or holds no chains.
    """
    path = as_written(given.path)
    try:
        content = read_regular(path, MOST_BYTES)
    except OSError as error:
        raise PartError(f"the embedding {path} cannot be read: {error.strerror or error}", "check 'path'") from error
    if hashlib.sha256(content).hexdigest() != given.sha256:
        raise PartError(f"the embedding {path} is not the file that was named", "check 'sha256'")
    try:
        chains = json.loads(content)["chains"]
        return {int(unit): tuple(int(qubit) for qubit in chains[unit]) for unit in sorted(chains, key=int)}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        hint = 'write {"chains": {"0": [4, 12], "1": [5]}}: a list of qubits for each unit, visible units first'
        raise PartError(f"the embedding {path} holds no chains", hint) from error


def trimmed(chains: Chains, n_visible: int, graph: Any) -> dict[int, tuple[int, ...]]:
    """Chains without the qubits at their ends that no pair of units needs: shorter ones break less often.

    59 × 40 units on Chimera C16 have chains of 10 and 15 qubits then, not 15 throughout.
    """
    owner = {qubit: unit for unit, chain in chains.items() for qubit in chain}
    members = {unit: set(chain) for unit, chain in chains.items()}
    across = {unit: Counter[int]() for unit in chains}  # couplers to each unit of the other layer

    def couples(qubit: int) -> list[int]:
        unit = owner[qubit]
        others = (owner.get(other) for other in graph[qubit])
        return [other for other in others if other is not None and (other < n_visible) != (unit < n_visible)]

    for qubit, unit in owner.items():
        across[unit].update(couples(qubit))
    left = [qubit for unit in chains for qubit in chains[unit]]
    while left:
        qubit = left.pop()
        if qubit not in owner or len(members[unit := owner[qubit]]) == 1:
            continue
        inside = [other for other in graph[qubit] if other in members[unit]]
        lost = Counter(couples(qubit))
        if len(inside) > 1 or any(across[unit][other] <= n for other, n in lost.items()):
            continue
        members[unit].remove(qubit)
        del owner[qubit]
        across[unit].subtract(lost)
        for other, n in lost.items():
            across[other][unit] -= n
        left.extend(inside)
    return {unit: tuple(qubit for qubit in chain if qubit in members[unit]) for unit, chain in chains.items()}


def couplers(chains: Chains, n_visible: int, graph: Any) -> DoubleArray:
    """The number of couplers between each visible and each hidden unit, (n, m)."""
    owner = {qubit: unit for unit, chain in chains.items() for qubit in chain}
    counts = np.zeros((n_visible, len(chains) - n_visible))
    for a, b in graph.edges:
        one, other = sorted((owner.get(a, -1), owner.get(b, -1)))
        if 0 <= one < n_visible <= other:
            counts[one, other - n_visible] += 1
    return counts


def verify(chains: Chains, n_visible: int, n_hidden: int, graph: Any) -> None:
    """Check an embedding qubit by qubit and coupler by coupler.

    Raises:
        PartError: a unit without a chain, a qubit that is missing or used twice, a chain in pieces, two units without a
            coupler between them.
    """
    if set(chains) != set(range(n_visible + n_hidden)):
        raise PartError(f"expected chains for units 0 to {n_visible + n_hidden - 1}, got {len(chains)} of them")
    owner: dict[int, int] = {}
    for unit, chain in chains.items():
        for qubit in chain:
            if qubit not in graph:
                raise PartError(f"the chain of unit {unit} has qubit {qubit}, which is not on {name_of(graph)}")
            if owner.setdefault(qubit, unit) != unit:
                raise PartError(f"qubit {qubit} is in the chains of units {owner[qubit]} and {unit}")
        if not chain or not nx.is_connected(graph.subgraph(chain)):
            raise PartError(f"the chain of unit {unit} is in pieces: {', '.join(map(str, chain)) or 'no qubit'}")
    joined = {(owner[a], owner[b]) for a, b in graph.edges if a in owner and b in owner}
    for i in range(n_visible):
        for j in range(n_visible, n_visible + n_hidden):
            if (i, j) not in joined and (j, i) not in joined:
                raise PartError(f"no coupler joins the chains of units {i} and {j}")


def name_of(graph: Any) -> str:
    """A graph in words: its topology, size and number of qubits."""
    family = graph.graph.get("family", "the annealer")
    rows = graph.graph.get("rows", "")
    return f"{family} {rows}".strip() + f" ({len(graph):,} qubits)"


def _what_fits(n_visible: int, n_hidden: int, graph: Any) -> str:
    """The largest equal layers on this graph, and the topologies on which this machine fits."""
    largest = busgraph_cache(graph).largest_balanced_biclique()
    here = f"at most {len(largest) // 2} × {len(largest) // 2} fit; " if largest else ""
    others = []
    for name, size in TODAY.items():
        other = graph_of(name, size)
        if busgraph_cache(other).find_biclique_embedding(n_visible, n_hidden):
            others.append(f"{name} {size}")
    fits = f"it fits on {' and '.join(others)}" if others else "it fits on none of the topologies of today's annealers"
    return here + fits
