"""Energies of RBMs, of their Ising problems, in any gauge, and embedded."""

from __future__ import annotations

import dimod
import numpy as np
import pytest
from dwave.embedding import embed_bqm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qaml.samplers.annealer.embedding.chains import embed, graph_of
from qaml.samplers.annealer.ising import Ising, to_ising
from qaml.samplers.annealer.part import Layout
from qaml.samplers.base import BoltzmannParameters
from qaml.samplers.exact.enumeration import all_states

TOLERANCE = 1e-9


def machine(n_visible: int, n_hidden: int, seed: int) -> BoltzmannParameters[NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return BoltzmannParameters(
        rng.normal(size=(n_visible, n_hidden)), rng.normal(size=n_visible), rng.normal(size=n_hidden)
    )


def states(n_visible: int, n_hidden: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every state of both layers, of zeros and ones."""
    every = all_states(n_visible + n_hidden)
    return every[:, :n_visible], every[:, n_visible:]


def energies(
    parameters: BoltzmannParameters[NDArray[np.float64]], visible: NDArray[np.float64], hidden: NDArray[np.float64]
) -> NDArray[np.float64]:
    """E(v, h) by its definition."""
    found = [-(parameters.visible_bias @ v) - parameters.hidden_bias @ h - v @ parameters.weights @ h
             for v, h in zip(visible, hidden, strict=True)]  # fmt: skip
    return np.array(found)


sizes = st.integers(1, 4)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(n_visible=sizes, n_hidden=sizes, seed=st.integers(0, 10**6))
def test_an_rbm_and_its_ising_problem_have_the_same_energies(n_visible: int, n_hidden: int, seed: int) -> None:
    parameters = machine(n_visible, n_hidden, seed)
    visible, hidden = states(n_visible, n_hidden)
    ising = to_ising(parameters)
    wanted = energies(parameters, visible, hidden)
    found = ising.energies(2 * visible - 1, 2 * hidden - 1)
    np.testing.assert_allclose(found, wanted, atol=TOLERANCE, rtol=0)
    model = dimod.BinaryQuadraticModel.from_ising(ising.linear, ising.quadratic, ising.offset)
    spins = np.concatenate((2 * visible - 1, 2 * hidden - 1), axis=1).astype(int)
    np.testing.assert_allclose(model.energies((spins, range(spins.shape[1]))), wanted, atol=TOLERANCE, rtol=0)


def to_boltzmann(ising: Ising) -> BoltzmannParameters[NDArray[np.float64]]:
    """The RBM of an Ising problem, float64; its energy has no constant, so the problem's offset is not kept."""
    weights = -4 * ising.couplings
    visible_bias = -2 * ising.visible_fields - weights.sum(axis=1) / 2
    hidden_bias = -2 * ising.hidden_fields - weights.sum(axis=0) / 2
    return BoltzmannParameters(weights, visible_bias, hidden_bias)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(n_visible=sizes, n_hidden=sizes, seed=st.integers(0, 10**6))
def test_there_and_back(n_visible: int, n_hidden: int, seed: int) -> None:
    parameters = machine(n_visible, n_hidden, seed)
    for one, other in zip(parameters, to_boltzmann(to_ising(parameters)), strict=True):
        np.testing.assert_allclose(one, other, atol=TOLERANCE, rtol=0)
    ising = to_ising(parameters)
    np.testing.assert_allclose(ising.scaled(2.5).couplings, 2.5 * ising.couplings)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(n_visible=sizes, n_hidden=sizes, seed=st.integers(0, 10**6))
def test_a_gauge_changes_signs_and_no_energy(n_visible: int, n_hidden: int, seed: int) -> None:
    ising = to_ising(machine(n_visible, n_hidden, seed))
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], n_visible + n_hidden)
    left, right = signs[:n_visible], signs[n_visible:]
    turned = Ising(
        ising.visible_fields * left, ising.hidden_fields * right, ising.couplings * np.outer(left, right), ising.offset
    )
    visible, hidden = (2 * layer - 1 for layer in states(n_visible, n_hidden))
    np.testing.assert_allclose(
        turned.energies(visible * left, hidden * right), ising.energies(visible, hidden), atol=TOLERANCE, rtol=0
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("topology", ["chimera", "pegasus", "zephyr"])
def test_intact_chains_cost_nothing(topology: str, seed: int) -> None:
    n_visible, n_hidden = 4, 3
    graph = graph_of(topology, 3)
    chains = embed(n_visible, n_hidden, graph, Layout(topology="chimera"))
    ising = to_ising(machine(n_visible, n_hidden, seed))
    logical = dimod.BinaryQuadraticModel.from_ising(ising.linear, ising.quadratic, ising.offset)
    embedded = embed_bqm(logical, chains, graph, chain_strength=1.7)
    spins = (2 * np.concatenate(states(n_visible, n_hidden), axis=1) - 1).astype(int)
    qubits = [(qubit, unit) for unit, chain in chains.items() for qubit in chain]
    placed = np.stack([spins[:, unit] for _, unit in qubits], axis=1)
    np.testing.assert_allclose(
        embedded.energies((placed, [qubit for qubit, _ in qubits])),
        ising.energies(spins[:, :n_visible], spins[:, n_visible:]),
        atol=TOLERANCE,
        rtol=0,
    )
