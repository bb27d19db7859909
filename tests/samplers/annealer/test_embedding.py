"""Embeddings: valid coupler by coupler, around broken qubits, and what is said where there is none."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from minorminer.busclique import busgraph_cache

from qaml.errors import PartError
from qaml.samplers.annealer.embedding.chains import Size, couplers, embed, graph_of, size_of, verify
from qaml.samplers.annealer.embedding.drawing import draw
from qaml.samplers.annealer.part import Annealer, GivenChains, Hardware, Layout, Topology, largest_layer
from tests.spec.cases import ROOT

STRUCTURE = Layout(topology="chimera")
MINORMINER = Layout(topology="chimera", embedding="minorminer")
"""Of a layout the graph is given beside it."""


@pytest.mark.parametrize(
    ("n_visible", "n_hidden", "topology", "size", "wanted"),
    [
        (16, 16, "chimera", 4, Size(128, 4, 4)),  # figure 1 of Kehoe et al. 2021
        (59, 40, "chimera", 16, Size(1190, 10, 15)),
        (59, 40, "zephyr", 15, Size(615, 5, 8)),
    ],
)
def test_structured_embeddings(n_visible: int, n_hidden: int, topology: Topology, size: int, wanted: Size) -> None:
    graph = graph_of(topology, size)
    chains = embed(n_visible, n_hidden, graph, STRUCTURE)
    verify(chains, n_visible, n_hidden, graph)
    assert size_of(chains) == wanted


@pytest.mark.slow
def test_the_papers_machine_on_pegasus() -> None:
    graph = graph_of("pegasus", 16)
    assert size_of(embed(59, 40, graph, STRUCTURE)) == Size(462, 4, 6)


@pytest.mark.parametrize(("topology", "size"), [("chimera", 5), ("pegasus", 3), ("zephyr", 2)])
def test_no_qubit_at_an_end_of_a_chain_can_be_spared(topology: Topology, size: int) -> None:
    graph = graph_of(topology, size)
    chains = embed(10, 7, graph, STRUCTURE)
    for unit, chain in chains.items():
        for qubit in chain:
            if len(chain) > 1 and graph.subgraph(chain).degree(qubit) == 1:
                shorter = chains | {unit: tuple(other for other in chain if other != qubit)}
                with pytest.raises(PartError, match="no coupler joins"):
                    verify(shorter, 10, 7, graph)


def test_couplers_are_counted_for_every_pair() -> None:
    graph = graph_of("pegasus", 3)
    chains = embed(6, 5, graph, MINORMINER, seed=2)
    counts = couplers(chains, 6, graph)
    for i in range(6):
        for j in range(5):
            assert counts[i, j] == sum(graph.has_edge(a, b) for a in chains[i] for b in chains[6 + j]) > 0


def given(file: Path, content: str, **changes: str) -> Layout:
    file.write_text(content)
    fields = {"path": str(file), "sha256": hashlib.sha256(content.encode()).hexdigest()}
    return Layout(topology="chimera", chains=GivenChains(**{**fields, **changes}))


def test_an_embedding_from_a_file(tmp_path: Path) -> None:
    graph = graph_of("chimera", 3)
    chains = embed(4, 3, graph, MINORMINER, seed=5)
    file = given(tmp_path / "chains.json", json.dumps({"chains": {str(unit): chain for unit, chain in chains.items()}}))
    assert embed(4, 3, graph, file) == chains
    with pytest.raises(PartError, match="expected chains for units 0 to 7, got 7"):
        embed(5, 3, graph, file)
    with pytest.raises(PartError, match="not the file that was named"):
        embed(4, 3, graph, given(tmp_path / "chains.json", "{}", sha256=64 * "0"))
    with pytest.raises(PartError, match="cannot be read: No such file"):
        embed(4, 3, graph, given(tmp_path / "chains.json", "{}", path=str(tmp_path / "gone.json")))


@pytest.mark.parametrize("content", ["no JSON", "[]", '{"chains": {"zero": [1]}}', '{"chains": {"0": 1}}', "{}"])
def test_a_file_without_chains(tmp_path: Path, content: str) -> None:
    with pytest.raises(PartError, match="holds no chains"):
        embed(1, 1, graph_of("chimera", 1), given(tmp_path / "chains.json", content))


def test_the_figure_of_the_documentation_is_the_codes() -> None:
    graph = graph_of("chimera", 4)
    drawn = draw(embed(16, 16, graph, STRUCTURE), 16, graph, "16 × 16 units on chimera 4")
    assert (ROOT / "docs" / "figures" / "embedding.svg").read_text("utf-8") == drawn + "\n"


def test_a_drawing_has_every_qubit_and_every_chain() -> None:
    graph = graph_of("chimera", 4)
    chains = embed(16, 16, graph, STRUCTURE)
    root = ElementTree.fromstring(draw(chains, 16, graph, "16 × 16 units & more"))
    name = "{http://www.w3.org/2000/svg}"
    assert root.findtext(f"{name}title") == "16 × 16 units & more"
    qubits, couplers_drawn = root.findall(f"{name}g/{name}path")
    assert qubits.attrib["d"].count("M") == len(graph)
    assert couplers_drawn.attrib["d"].count("M") == 16 * 16
    drawn = root.findall(f"{name}g/{name}g")
    assert len(drawn) == 32
    assert sum(chain.findall(f"{name}path")[1].attrib["d"].count("M") for chain in drawn) == 128


def test_broken_qubits_are_avoided() -> None:
    graph = graph_of("chimera", 4, (0, 5, 70))
    chains = embed(8, 6, graph, STRUCTURE)
    assert not {0, 5, 70} & {qubit for chain in chains.values() for qubit in chain}


def test_minorminer_finds_an_embedding_for_a_seed() -> None:
    graph = graph_of("chimera", 3)
    first, second = (embed(4, 3, graph, MINORMINER, seed=5) for _ in range(2))
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
    chains = embed(2, 2, graph, STRUCTURE)
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
        embed(20, 16, graph_of("chimera", 4), STRUCTURE)
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
