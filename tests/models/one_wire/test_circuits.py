"""Values and gradients of circuits with one measured wire against PennyLane, with draws, averaged and without noise."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qaml.models.noise_layers.part import NoiseLayers
from qaml.models.one_wire.network import OneWireClassifier, encoded
from qaml.quantum.channels import AmplitudeDamping, Depolarising, GlobalDepolarising
from qaml.quantum.circuit import Channel, Circuit
from qaml.quantum.reference import reference
from tests.models.one_wire.examples import inputs_of, qcnn, qnn
from tests.quantum.circuits import gradients

STRONG = NoiseLayers(beta=0.7, variance=0.5)
AFTER = NoiseLayers(beta=0.7, variance=0.5, position="after")
TOLERANCE = 1e-9


def circuit_of(seed: int, n_wires: int, noise: NoiseLayers | None) -> OneWireClassifier:
    if seed % 3 == 0 and n_wires > 1:
        return qcnn(n_wires, seed, noise)
    return qnn(n_wires, 1 + seed % 4, seed, noise)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 500), n_wires=st.integers(1, 4), per_sample=st.booleans(), after=st.booleans())
def test_draws_are_pennylanes(seed: int, n_wires: int, per_sample: bool, after: bool) -> None:
    module = circuit_of(seed, n_wires, AFTER if after else STRONG)
    assert module.noise is not None
    n_layers = len(module.noise.beta)
    inputs = inputs_of(module, 3, seed).requires_grad_()
    draws = torch.randn(*([3] if per_sample else []), n_layers, n_wires, dtype=torch.float64)
    angles = (draws * module.noise.beta[:, None]).detach().requires_grad_()
    ours = module.drawn_expectations(encoded(inputs, n_wires, module.encoding), angles)
    circuit = module.described("draws")
    theirs = reference(circuit)(module.weights.flatten(), inputs, angles.flatten(-2)[..., : circuit.n_draws])[:, 0]
    torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE)
    arrays = [inputs, angles, module.weights]
    pairs = zip(gradients(ours, arrays), gradients(theirs, arrays), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one, other, rtol=0, atol=TOLERANCE)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 500), n_wires=st.integers(1, 4), after=st.booleans())
def test_the_average_is_pennylanes(seed: int, n_wires: int, after: bool) -> None:
    module = circuit_of(seed, n_wires, AFTER if after else STRONG)
    inputs = inputs_of(module, 2, seed).requires_grad_()
    ours = module.averaged().expectations(inputs)
    theirs = reference(module.described("average"))(module.weights.detach().flatten(), inputs)[:, 0]
    torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE)
    of_ours, of_theirs = (torch.autograd.grad(values.sum(), inputs)[0] for values in (ours, theirs))
    torch.testing.assert_close(of_ours, of_theirs, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("seed", range(6))
def test_without_draws_the_layers_and_their_observable_agree(seed: int) -> None:
    module = circuit_of(seed, 3, None).eval().requires_grad_(False)
    inputs = inputs_of(module, 20, seed).requires_grad_()
    layers = module.expectations(inputs[:8])  # as many as it takes to find the observable
    theirs = reference(module.described())(module.weights.flatten(), inputs)[:, 0]
    collapsed = module.expectations(inputs)
    torch.testing.assert_close(layers, theirs[:8], rtol=0, atol=TOLERANCE)
    torch.testing.assert_close(collapsed, theirs, rtol=0, atol=TOLERANCE)
    torch.testing.assert_close(module.averaged().expectations(inputs), theirs, rtol=0, atol=TOLERANCE)
    ours, expected = (torch.autograd.grad(values.sum(), inputs)[0] for values in (collapsed, theirs))
    torch.testing.assert_close(ours, expected, rtol=0, atol=TOLERANCE)


def test_the_observable_follows_the_angles() -> None:
    module = qnn(2, 2, 0).eval()
    inputs = inputs_of(module, 9, 0)
    with torch.no_grad():
        module.expectations(inputs)
        module.weights.add_(0.3)
        changed = module.expectations(inputs)
    module.train()
    torch.testing.assert_close(changed, module.expectations(inputs).detach())


@pytest.mark.parametrize("channel", [Depolarising(probability=0.1), AmplitudeDamping(gamma=0.2)])
def test_channels_after_every_layer_are_pennylanes(channel: Depolarising | AmplitudeDamping) -> None:
    module = qnn(3, 2, 4)
    value = channel.probability if isinstance(channel, Depolarising) else channel.gamma
    plain = module.described()
    per_layer = len(plain.operations) // 2
    noise = tuple(Channel(channel.kind, (wire,), (value,)) for wire in range(3))
    first, second = plain.operations[:per_layer], plain.operations[per_layer:]
    circuit = Circuit(3, plain.encoding, (*first, *noise, *second, *noise), plain.observables)
    inputs = inputs_of(module, 3, 1)
    theirs = reference(circuit)(module.weights.flatten(), inputs)[:, 0]
    torch.testing.assert_close(
        module.averaged((channel,)).expectations(inputs), theirs.detach(), rtol=0, atol=TOLERANCE
    )
    module.channels = (channel,)
    assert module.described() == circuit
    trained = module.expectations(inputs)
    torch.testing.assert_close(trained, theirs, rtol=0, atol=TOLERANCE)
    ours, expected = (torch.autograd.grad(values.sum(), module.weights)[0] for values in (trained, theirs))
    torch.testing.assert_close(ours.flatten(), expected.flatten(), rtol=0, atol=TOLERANCE)
    frozen = module.eval().requires_grad_(False).expectations(inputs)
    torch.testing.assert_close(frozen, theirs.detach(), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("channels", [(), (Depolarising(probability=0.1),)])
def test_a_convolutional_circuit_has_channels_on_the_wires_still_active(channels: tuple[Depolarising, ...]) -> None:
    module = qcnn(3, 2)
    module.channels = channels
    inputs = inputs_of(module, 3, 1)
    torch.testing.assert_close(module.expectations(inputs), module.averaged().expectations(inputs))


@pytest.mark.parametrize("noise", [None, STRONG, AFTER])
def test_bloch_vectors_end_at_the_expectation_of_z(noise: NoiseLayers | None) -> None:
    module = qnn(3, 2, 4, noise).eval()
    inputs = inputs_of(module, 6, 1)
    module.reseed(3)
    vectors = module.bloch(inputs)
    module.reseed(3)
    torch.testing.assert_close(vectors[:, 2], module.expectations(inputs).detach())
    assert float(vectors.norm(dim=1).max()) <= 1 + TOLERANCE
    with torch.no_grad():
        states = module.run(module.states(inputs)).reshape(6, 2**module.readout, 2, -1)
    if noise is None:
        y = 2 * (states[:, :, 0].conj() * states[:, :, 1]).imag.sum((1, 2))
        torch.testing.assert_close(vectors[:, 1], y)


def test_the_total_of_flips_bounds_what_noise_does() -> None:
    module = qnn(3, 4, 2, NoiseLayers(beta=0.05)).eval()
    assert module.noise is not None
    inputs = inputs_of(module, 50, 0)
    noisy = module.averaged().expectations(inputs)
    assert module.total_flips() == pytest.approx(3 * float(module.noise.flips().sum()))
    reach = 2 * (module.total_flips() or 0.0)
    module.noise.inference = False
    assert module.total_flips() == 0
    change = (noisy - module.averaged().expectations(inputs)).abs().max()
    assert 0 < float(change) <= reach


def test_global_depolarising_scales_expectation_values() -> None:
    module = qnn(3, 4, 2)
    inputs = inputs_of(module, 5, 0)
    noisy = module.averaged((GlobalDepolarising(probability=0.1),)).expectations(inputs)
    torch.testing.assert_close(noisy, 0.9**4 * module.averaged().expectations(inputs), rtol=0, atol=TOLERANCE)
