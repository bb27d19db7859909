"""Embeddings: valid coupler by coupler, around broken qubits, and what is said where there is none."""

from __future__ import annotations

import pytest
from minorminer.busclique import busgraph_cache

from qaml.errors import PartError
from qaml.samplers.annealer.embedding.implementation import Size, embed, graph_of, size_of, verify
from qaml.samplers.annealer.part import Annealer, Hardware, Topology, largest_layer


@pytest.mark.parametrize(
    ("n_visible", "n_hidden", "topology", "size", "wanted"),
    [
        (16, 16, "chimera", 4, Size(128, 4, 4)),  # figure 1 of Kehoe et al. 2021
        (59, 40, "chimera", 16, Size(1485, 15, 15)),
        (59, 40, "zephyr", 15, Size(792, 8, 8)),
    ],
)
def test_structured_embeddings(n_visible: int, n_hidden: int, topology: Topology, size: int, wanted: Size) -> None:
    graph = graph_of(topology, size)
    chains = embed(n_visible, n_hidden, graph, "structure")
    verify(chains, n_visible, n_hidden, graph)
    assert size_of(chains) == wanted


@pytest.mark.slow
def test_the_papers_machine_on_pegasus() -> None:
    graph = graph_of("pegasus", 16)
    assert size_of(embed(59, 40, graph, "structure")) == Size(560, 5, 6)


def test_broken_qubits_are_avoided() -> None:
    graph = graph_of("chimera", 4, (0, 5, 70))
    chains = embed(8, 6, graph, "structure")
    assert not {0, 5, 70} & {qubit for chain in chains.values() for qubit in chain}


def test_minorminer_finds_an_embedding_for_a_seed() -> None:
    graph = graph_of("chimera", 3)
    first, second = (embed(4, 3, graph, "minorminer", seed=5) for _ in range(2))
    assert first == second
    verify(first, 4, 3, graph)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({0: ()}, "the chain of unit 0 is in pieces: no qubit"),
        ({0: (0, 9)}, "unit 0 is in pieces: 0, 9"),
        ({0: (4000,)}, "qubit 4000, which is not on chimera 2"),
        ({1: "as unit 0"}, "is in the chains of units 0 and 1"),
        ({5: None}, "expected chains for units 0 to 3, got 5"),
    ],
)
def test_what_is_wrong_with_an_embedding(change: dict[int, object], message: str) -> None:
    graph = graph_of("chimera", 2)
    chains = embed(2, 2, graph, "structure")
    for unit, chain in change.items():
        chains[unit] = chains[0] if chain == "as unit 0" else chain or ()  # type: ignore[assignment]
    with pytest.raises(PartError, match=message):
        verify(chains, 2, 2, graph)


def test_units_without_a_coupler_between_them() -> None:
    graph = graph_of("chimera", 2)
    with pytest.raises(PartError, match="no coupler joins the chains of units 0 and 1"):
        verify({0: (0,), 1: (1,)}, 1, 1, graph)


def test_a_machine_that_does_not_fit_hears_what_would() -> None:
    with pytest.raises(PartError, match="20 visible and 16 hidden units does not fit on chimera 4") as caught:
        embed(20, 16, graph_of("chimera", 4), "structure")
    assert caught.value.hint.startswith("at most 16 × 16 fit; it fits on chimera 16")


@pytest.mark.parametrize(
    ("topology", "size"), [("chimera", 2), ("chimera", 5), ("pegasus", 3), ("pegasus", 4), ("zephyr", 1), ("zephyr", 3)]
)
def test_the_largest_layer_is_that_of_the_library(topology: Topology, size: int) -> None:
    found = busgraph_cache(graph_of(topology, size)).largest_balanced_biclique()
    assert largest_layer(topology, size) == len(found) // 2


def test_the_part_refuses_what_does_not_fit_without_a_library() -> None:
    Annealer().check(59, 40)
    with pytest.raises(PartError, match="59 visible and 40 hidden units does not fit on chimera 4") as caught:
        Annealer(hardware=Hardware(size=4)).check(59, 40)
    assert caught.value.hint == "it fits on chimera 16, pegasus 16, zephyr 15"
    with pytest.raises(PartError, match="layers of at most 64") as caught:
        Annealer().check(500, 40)
    assert "downscale" in caught.value.hint
    Annealer(embedding="none").check(500, 40)
