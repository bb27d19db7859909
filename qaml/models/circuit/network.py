"""A circuit that a spec writes out, as a torch module: angles from inputs and weights, gates, values, logits.

A circuit whose inputs are amplitudes alone is one linear map of them: with fixed angles it collapses as a ``qvc`` does
(``qaml.quantum.collapse``), once as many inputs have come as it takes to find that map.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import Tensor, nn

from qaml.errors import PartError
from qaml.models.capabilities import Measured, Run, Sketch
from qaml.models.circuit.angles import Affine, Number
from qaml.models.circuit.initial import Initial
from qaml.models.circuit.lowering import Lowered
from qaml.models.circuit.noise import Noise
from qaml.models.circuit.readout import Readout
from qaml.models.quadratic.network import is_same, quadratic_forms
from qaml.quantum import density
from qaml.quantum.circuit import Circuit, Source, disturbed
from qaml.quantum.collapse import Collapsed, observables
from qaml.quantum.execute import expectations, states
from qaml.quantum.statevector.network import normalised
from qaml.quantum.statevector.readout import z_signs

FEW_TERMS = 4
"""Most terms of an angle that are gathered one by one; more are one product with a matrix."""
GATES_WORTH_A_FEATURE = 6
"""A collapsed gradient multiplies 8dN floats an input, each gate more than 50 times its N amplitudes."""


class CircuitClassifier(nn.Module):
    """Logits from the values of a circuit whose angles depend on inputs, on trained numbers, or on both.

    Args:
        lowered: the circuit, and what its angles are made of.
        readout: the values and how they become logits.
        n_features: number d of coordinates of an input.
        n_classes: number of classes.
        logit_scale: factor on the logits.
        trajectories: number of trajectories of an input, where channels need them.
        is_trained: whether angles and weights of features are parameters; otherwise they are buffers of these names.
    """

    def __init__(
        self,
        lowered: Lowered,
        readout: Readout,
        n_features: int,
        n_classes: int,
        logit_scale: float = 1.0,
        trajectories: int = 1,
        *,
        is_trained: bool = True,
    ) -> None:
        super().__init__()
        self.lowered = lowered
        self.readout = readout
        self.n_features = n_features
        self.n_classes = n_classes
        self.logit_scale = logit_scale
        self._n_weights = lowered.circuit.n_weights
        self.trajectories = trajectories
        self.noise = Noise(lowered.circuit, trajectories) if lowered.circuit.channels else None
        self._is_trained = is_trained
        self.angles: Tensor
        self.weights_of_features: Tensor
        for name, count in (("angles", lowered.n_angles), ("weights_of_features", lowered.n_weights)):
            if is_trained:
                self.register_parameter(name, nn.Parameter(torch.zeros(count)))
            else:
                self.register_buffer(name, torch.zeros(count))
        self.columns = Columns(lowered)
        diagonals = _diagonals(lowered, readout, n_classes)
        self.diagonals: Tensor
        self.register_buffer("diagonals", diagonals, persistent=False)
        self.head = nn.Linear(len(diagonals), n_classes) if readout.head else None
        self._fixed: _Fixed | None = None

    @property
    def weights(self) -> Tensor:
        """The trained angles without features, (n_weights,) of ``described``."""
        return self.angles[: self._n_weights]

    @property
    def is_randomised(self) -> bool:
        """Whether the next forward pass draws trajectories."""
        return self.noise is not None and self.noise.is_drawing(training=self.training)

    def reseed(self, seed: int) -> None:
        """Start the draws of trajectories anew."""
        if self.noise is not None:
            self.noise.reseed(seed)

    def trained(self) -> AbstractContextManager[None]:
        """Let channels on many wires draw as in training inside the block."""
        return nullcontext() if self.noise is None else self.noise.trained()

    def described(self, noise: Literal["none", "draws", "average"] = "none") -> Circuit:  # noqa: ARG002
        """The circuit as plain data; what it takes beside ``weights`` is ``arguments``."""
        return self.lowered.circuit

    def sketch(self, noise: Literal["none", "draws"] = "none") -> Sketch:  # noqa: ARG002
        """The circuit as it is drawn, on the wires of the spec."""
        circuit, written = self.lowered.circuit, self.lowered.written
        operations = tuple(each._replace(wires=tuple(written[i] for i in each.wires)) for each in circuit.operations)
        groups = tuple(tuple(written[i] for i in group) for group in self.lowered.readout)
        asked = self.readout
        n_outcomes = len(self.diagonals) if asked.probabilities is not None else 0
        measured = Measured(groups, n_outcomes, asked.renormalise, asked.log, asked.head)
        source: Source = "draw" if self.lowered.amplitudes else "feature"
        features = {source: [column.products for column in self.lowered.columns]}
        return Sketch(circuit._replace(operations=operations), measured, self.lowered.amplitudes, features)

    def arguments(self, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
        """The described circuit's inputs and draws: (batch, …) → amplitudes or angles, and angles beside amplitudes."""
        flat = inputs.flatten(1)
        if self.lowered.is_collapsing:
            return flat, None
        columns: Tensor = self.columns(flat, self.angles, self.weights_of_features)
        return (flat, columns) if self.lowered.circuit.encoding == "amplitude" else (columns, None)

    def runnable(self) -> Run:
        """The circuit at its present angles, all of whose wires are counted.

        Raises:
            PartError: it has channels.
        """
        circuit = self.lowered.circuit
        if circuit.channels:
            raise PartError("the circuit has noise of its own, and a device is given gates alone")

        def logits(shares: Tensor) -> Tensor:
            return self.logit_scale * self.logits_of(shares @ self.diagonals.to(shares).T)

        return Run(circuit, self.weights.detach(), tuple(range(circuit.n_wires)), logits, self.arguments)

    def disturbed(self, after: Mapping[str, Sequence[tuple[str, tuple[float, ...]]]]) -> CircuitClassifier:
        """The circuit at its present angles with channels behind every gate of a name; the module is not changed."""
        lowered = self.lowered._replace(circuit=disturbed(self.lowered.circuit, after))
        settings = self.readout, self.n_features, self.n_classes, self.logit_scale, self.trajectories
        made = type(self)(lowered, *settings).to(self.angles)
        made.load_state_dict(self.state_dict())
        return made.requires_grad_(self.angles.requires_grad).train(self.training)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) → logits (batch, n_classes)."""
        return self.logit_scale * self.logits_of(self.values(inputs))

    def logits_of(self, values: Tensor) -> Tensor:
        """Logits before scaling: (batch, n_values) → (batch, n_classes)."""
        if self.head is not None:
            weight, bias = self.head.weight.to(values.dtype), self.head.bias.to(values.dtype)
            return nn.functional.linear(values, weight, bias)
        smallest = torch.finfo(values.dtype).eps / 4
        if self.readout.renormalise:
            values = values / values.sum(1, keepdim=True).clamp_min(smallest)
        is_single = values.shape[1] == 1
        if self.readout.log:
            half = values / 2
            values = 0.5 + torch.cat((half, -half), 1) if is_single else values
            return values.clamp_min(smallest).log()
        return torch.cat((values, -values), 1) if is_single else values

    def values(self, inputs: Tensor) -> Tensor:
        """Expectation values, or probabilities: (batch, …) → (batch, n_values)."""
        if self.lowered.is_collapsing and self._is_fixed() and not (self.noise is not None and self.noise.is_large):
            amplitudes = normalised(inputs.flatten(1))
            if self._is_worth_collapsing(amplitudes):
                return self._collapsed()(amplitudes)
        features, draws = self.arguments(inputs)
        if self.noise is not None:
            return self.noise.values(self.weights, features, draws, self.diagonals, training=self.training)
        if self.readout.probabilities is None and self.readout.parity is None:
            return expectations(self.lowered.circuit, self.weights, features, draws)
        amplitudes = states(self.lowered.circuit, self.weights, features, draws)
        found = amplitudes.real.square() + amplitudes.imag.square()
        return found @ self.diagonals.to(found.dtype).T

    def _is_fixed(self) -> bool:
        is_changing = self.training or (self.angles.requires_grad and torch.is_grad_enabled())
        return not (self._is_trained and is_changing)

    def _is_worth_collapsing(self, amplitudes: Tensor) -> bool:
        if len(self.lowered.circuit.operations) * GATES_WORTH_A_FEATURE <= self.n_features:
            return False
        # angles are compared, not their versions: a fused optimiser writes to them and counts no version
        angles = self.angles.detach()
        if self._fixed is None or not is_same(self._fixed.angles, angles):
            self._fixed = _Fixed(angles.clone())
        self._fixed.n_seen += len(amplitudes)
        return self._fixed.n_seen > self.n_features

    @torch.no_grad()
    def _collapsed(self) -> Callable[[Tensor], Tensor]:
        fixed = self._fixed
        assert fixed is not None
        if fixed.collapsed is None:
            if self.noise is not None:
                matrices = self._forms(fixed.angles, self.diagonals.to(fixed.angles.dtype))
                fixed.collapsed = lambda amplitudes: quadratic_forms(matrices, amplitudes)
            else:
                fixed.collapsed = Collapsed(self._unitary_columns(fixed.angles), self.diagonals.to(fixed.angles.dtype))
        return fixed.collapsed

    def _unitary_columns(self, angles: Tensor) -> Tensor:
        basis = torch.eye(self.n_features, dtype=angles.dtype, device=angles.device)
        return states(self.lowered.circuit, angles, basis)

    def _forms(self, angles: Tensor, diagonals: Tensor) -> Tensor:
        """The quadratic forms of diagonal observables, (m, 2**n) → (m, d, d), in the precision of the angles."""
        if self.noise is not None:
            d = self.n_features
            return density.observables(self.lowered.circuit, angles, diagonals)[:, :d, :d].real
        return observables(self._unitary_columns(angles), diagonals)


class AmplitudeClassifier(CircuitClassifier):
    """A circuit whose inputs are amplitudes alone, so that its values are quadratic forms xᵀO_kx/‖x‖²."""

    @torch.no_grad()
    def observables(self) -> Tensor:
        """O_k, (n_classes, d, d) float64, by which it decides: logits are s·xᵀO_kx/‖x‖², or increase with it.

        Logarithms, and probabilities divided by their sum, have the order of the values themselves.
        """
        diagonals = self.diagonals.double()
        if self.head is not None:  # combined before forms are made, of which there would be one for every value
            diagonals = self.head.weight.double() @ diagonals + self.head.bias.double()[:, None]
        forms = self._forms(self.angles.double(), diagonals)
        return torch.cat((forms, -forms)) if len(forms) == 1 else forms


class _Fixed:
    """The state of a circuit at given angles: the number of inputs so far, and its collapse once it is computed."""

    def __init__(self, angles: Tensor) -> None:
        self.angles = angles
        self.n_seen = 0
        self.collapsed: Callable[[Tensor], Tensor] | None = None


class Columns(nn.Module):
    """The angles of each sample, b + Σ w·f(x).

    Args:
        lowered: the circuit with its columns.
    """

    def __init__(self, lowered: Lowered) -> None:
        super().__init__()
        numbers = _Numbers(lowered.n_angles, lowered.n_weights)
        members: dict[object, list[int]] = {}
        for index, each in enumerate(lowered.columns):
            n_terms = len(each.products)
            members.setdefault(n_terms if n_terms <= FEW_TERMS else each.products, []).append(index)
        groups = [[lowered.columns[index] for index in indices] for indices in members.values()]
        self.groups = nn.ModuleList(_Group(group, numbers) for group in groups)
        order = torch.tensor([index for indices in members.values() for index in indices], dtype=torch.long)
        self.places: Tensor
        self.constants: Tensor
        self.register_buffer("places", torch.argsort(order), persistent=False)
        constants = torch.tensor(list(numbers.constants), dtype=torch.float64)
        self.register_buffer("constants", constants, persistent=False)

    def forward(self, inputs: Tensor, angles: Tensor, weights: Tensor) -> Tensor:
        """Inputs (batch, d), trained angles and weights of features → (batch, n_columns), of the inputs' precision."""
        if not len(self.groups):
            return inputs.new_zeros(len(inputs), 0)
        numbers = torch.cat([each.to(inputs.dtype) for each in (angles, weights, self.constants)])
        found = torch.cat([group(inputs, numbers) for group in self.groups], 1)
        return found if len(self.groups) == 1 else found[:, self.places]


class _Numbers:
    """Positions in the vector of trained angles, trained weights of features, and fixed numbers."""

    def __init__(self, n_angles: int, n_weights: int) -> None:
        self.n_angles = n_angles
        self.n_trained = n_angles + n_weights
        self.constants: dict[float, int] = {}

    def bias(self, number: Number) -> int:
        """The position of a b."""
        return number if isinstance(number, int) else self._constant(number)

    def weight(self, number: Number) -> int:
        """The position of a w."""
        return self.n_angles + number if isinstance(number, int) else self._constant(number)

    def _constant(self, value: float) -> int:
        return self.n_trained + self.constants.setdefault(value, len(self.constants))


class _Group(nn.Module):
    """Angles with the same number of terms, of the same features where there are many."""

    def __init__(self, columns: Sequence[Affine], numbers: _Numbers) -> None:
        super().__init__()
        self.n_terms = len(columns[0].products)
        self.is_dense = self.n_terms > FEW_TERMS
        products = columns[0].products if self.is_dense else [each for column in columns for each in column.products]
        self.features: Tensor
        self.biases: Tensor
        self.weights: Tensor
        most = max(map(len, products))
        padded = [(*each, *[-1] * (most - len(each))) for each in products]  # the last column is one
        weights = [[numbers.weight(number) for number in column.weights] for column in columns]
        biases = [numbers.bias(column.bias) for column in columns]
        for name, index in (("features", padded), ("weights", weights), ("biases", biases)):
            self.register_buffer(name, torch.tensor(index, dtype=torch.long), persistent=False)
        first, count = weights[0][0], len(columns) * self.n_terms
        consecutive = torch.arange(first, first + count).reshape(self.weights.shape)
        self.run = (first, count) if torch.equal(self.weights, consecutive) else None

    def forward(self, inputs: Tensor, numbers: Tensor) -> Tensor:
        """Inputs (batch, d) and all numbers → (batch, n_columns)."""
        terms, weights = self._products(inputs), self._weights(numbers)
        if self.is_dense:
            return torch.addmm(numbers[self.biases], terms, weights.T)
        terms = terms.reshape(len(inputs), *weights.shape)
        return (terms * weights).sum(2) + numbers[self.biases]

    def _weights(self, numbers: Tensor) -> Tensor:
        """The weights (n_columns, n_terms); those that follow each other are no copy."""
        if self.run is None:
            return numbers[self.weights]
        first, count = self.run
        return numbers[first : first + count].reshape(self.weights.shape)

    def _products(self, inputs: Tensor) -> Tensor:
        """Products of features, (batch, n_products)."""
        if self.features.shape[1] > 1:
            inputs = torch.cat((inputs, torch.ones_like(inputs[:, :1])), 1)
        terms = inputs[:, self.features[:, 0]]
        for order in range(1, self.features.shape[1]):
            terms = terms * inputs[:, self.features[:, order]]
        return terms


def initialise(module: CircuitClassifier, angles: Initial, weights: Initial) -> None:
    """Draw the trained angles and the weights of features from torch's generator.

    Args:
        module: the circuit.
        angles: distribution of every b.
        weights: distribution of every w, before it is divided by the root of the number of terms in its angle.
    """
    with torch.no_grad():
        _draw(module.angles, angles)
        _draw(module.weights_of_features, weights)
        n_terms = torch.tensor(module.lowered.terms, dtype=torch.long)
        module.weights_of_features.div_(n_terms.repeat_interleave(n_terms).sqrt())


def _draw(numbers: Tensor, initial: Initial) -> None:
    match initial.distribution:
        case "uniform":
            low, high = initial.range
            numbers.copy_((high - low) * torch.rand(numbers.shape) + low)
        case "normal":
            numbers.copy_(initial.scale * torch.randn(numbers.shape))
        case "zeros":
            numbers.zero_()


def _diagonals(lowered: Lowered, readout: Readout, n_classes: int) -> Tensor:
    """The value of every basis state for each measured value: (n_values, 2**n)."""
    n_states = 2**lowered.circuit.n_wires
    like = torch.zeros((), dtype=torch.float64)
    if readout.probabilities is None:
        return torch.stack([z_signs(n_states, wires, like).prod(1) for wires in lowered.readout])
    bits = (z_signs(n_states, lowered.readout[0], like) < 0).long()
    outcome = (bits << torch.arange(bits.shape[1] - 1, -1, -1)).sum(1)
    n_values = 2 ** bits.shape[1] if readout.head else n_classes
    return (outcome == torch.arange(n_values)[:, None]).double()
