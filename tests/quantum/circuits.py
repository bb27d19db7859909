"""Random circuits with everything that they take."""

from typing import NamedTuple

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

from qaml.quantum.circuit import CHANNELS, GATES, Angle, Channel, Circuit, Encoding, Gate, Source


class Case(NamedTuple):
    circuit: Circuit
    weights: Tensor
    inputs: Tensor
    draws: Tensor

    def tracked(self) -> "Case":
        """The same, gradients wanted for every array."""
        return Case(self.circuit, *(array.detach().clone().requires_grad_() for array in self[1:]))


@st.composite
def cases(draw: st.DrawFn, max_wires: int = 5, max_gates: int = 12, channels: bool = False) -> Case:
    n_wires = draw(st.integers(1, max_wires))
    encoding: Encoding = draw(st.sampled_from(("amplitude", "state", "zero")))
    names = [name for name, arity in GATES.items() if arity.n_wires <= n_wires] + list(CHANNELS) * channels
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=max_gates))
    batch, per_sample = draw(st.integers(1, 3)), draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    operations = tuple(operation(name, n_wires, encoding, rng) for name in chosen)
    observables = tuple(rng.permutation(n_wires)[: rng.integers(1, n_wires + 1)].tolist())
    circuit = Circuit(n_wires, encoding, operations, observables)
    return fed(circuit, batch, per_sample, rng)


def operation(name: str, n_wires: int, encoding: Encoding, rng: np.random.Generator) -> Gate | Channel:
    arity = (GATES if name in GATES else CHANNELS)[name]
    wires = tuple(rng.permutation(n_wires)[: arity.n_wires].tolist())
    if name in CHANNELS:
        return Channel(name, wires, tuple((rng.random(arity.n_parameters) / arity.n_parameters).tolist()))
    sources: list[Source] = ["weight", "draw", "fixed"]
    if encoding != "state":
        sources.append("feature")
    angles = (
        Angle(sources[rng.integers(len(sources))], int(rng.integers(3)), float(rng.normal(0, 2)))
        for _ in range(arity.n_parameters)
    )
    return Gate(name, wires, tuple(angles))


def fed(circuit: Circuit, batch: int, per_sample: bool, rng: np.random.Generator) -> Case:
    """Arrays for a circuit in float64; features are never all zero."""
    most = 2**circuit.n_wires
    fewest = max(circuit.n_features, 1)
    if circuit.encoding == "amplitude" and fewest > most:  # one wire holds two amplitudes, but three features are asked
        circuit = circuit._replace(encoding="zero")
    n_features = int(rng.integers(fewest, max(most, fewest) + 1))
    inputs = torch.from_numpy(rng.standard_normal((batch, n_features)))
    if circuit.encoding == "state":
        inputs = torch.complex(inputs, torch.from_numpy(rng.standard_normal((batch, n_features))))
        inputs = inputs / torch.linalg.vector_norm(inputs, dim=1, keepdim=True)
    shape = (batch, circuit.n_draws) if per_sample else (circuit.n_draws,)
    weights = torch.from_numpy(rng.standard_normal(circuit.n_weights))
    return Case(circuit, weights, inputs, torch.from_numpy(rng.standard_normal(shape)))


def weights_of(n_layers: int, n_wires: int, seed: int = 0) -> Tensor:
    """Angles of a layered circuit, float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n_layers, n_wires, 3, generator=generator, dtype=torch.float64) * 6.3 - 3.15


def features_of(batch: int, n_features: int, seed: int = 1) -> Tensor:
    return torch.randn(batch, n_features, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradients(outputs: Tensor, arrays: list[Tensor], seed: int = 2) -> list[Tensor]:
    """Gradients of a random combination of the outputs, zeros where an array does not enter."""
    cotangent = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found = torch.autograd.grad((outputs * cotangent).sum(), arrays, allow_unused=True)
    return [torch.zeros_like(a) if g is None else g for a, g in zip(arrays, found, strict=True)]


def assert_same(found: object, expected: object) -> None:
    """Equal to 1e-10, the agreement of two paths in float64."""
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
