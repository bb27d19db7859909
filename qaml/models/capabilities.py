"""The capabilities of classifiers beside logits, one protocol each.

A module of qaml's own offers what its class defines. A user's module is behind ``models.edge``, which offers only
what its part declares (``ModelPart.capabilities``): an attribute that happens to be called ``states`` is
no capability.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from qaml.quantum.circuit import Circuit, Source
from qaml.types import DoubleArray, Module, Tensor

Capability = Literal[
    "is_randomised",
    "reseed",
    "averaged",
    "expectations",
    "logits_of",
    "observables",
    "affine_map",
    "features",
    "states",
    "bloch",
    "sketch",
    "runnable",
    "curves",
    "total_flips",
    "shots_needed",
]
"""The members of the protocols below, by which a part declares what its modules offer."""


@runtime_checkable
class Randomised(Protocol):
    """A module whose forward passes may draw."""

    @property
    def is_randomised(self) -> bool:
        """Whether the next forward pass draws."""


@runtime_checkable
class Reseeded(Protocol):
    """A module that owns its draws, and those of the modules that it holds."""

    def reseed(self, seed: int) -> None:
        """Start the draws anew, so that the sequence of forward passes is a function of the seed."""


@runtime_checkable
class Averaging(Protocol):
    """A randomised classifier with an exact average over its draws."""

    def averaged(self) -> Module:
        """The classifier averaged over its draws, which is deterministic."""


@runtime_checkable
class OneValued(Protocol):
    """A classifier that decides by one measured value."""

    def expectations(self, inputs: Tensor) -> Tensor:
        """The value: (batch, …) → (batch,)."""

    def logits_of(self, expectations: Tensor) -> Tensor:
        """The logits for given values: (batch,) → (batch, 2)."""


@runtime_checkable
class Quadratic(Protocol):
    """A classifier with logits s·xᵀO_kx/‖x‖², s > 0."""

    def observables(self) -> Tensor:
        """The matrices O_k, (n_classes, n_features, n_features)."""


@runtime_checkable
class Affine(Protocol):
    """A classifier with logits Wx + b of the flattened input."""

    def affine_map(self) -> tuple[Tensor, Tensor]:
        """The weights W (n_classes, n_features) and biases b (n_classes,)."""


@runtime_checkable
class Featured(Protocol):
    """A network with a last layer."""

    def features(self, inputs: Tensor) -> Tensor:
        """The input of the last layer: (batch, …) → (batch, …)."""


@runtime_checkable
class Encoding(Protocol):
    """A circuit that encodes inputs as states."""

    def states(self, inputs: Tensor) -> Tensor:
        """The amplitudes of encoded inputs: (batch, …) → (batch, 2**n)."""


@runtime_checkable
class OnSphere(Protocol):
    """A circuit with one measured wire."""

    def bloch(self, inputs: Tensor) -> Tensor:
        """The values ⟨X⟩, ⟨Y⟩, ⟨Z⟩ of the measured wire: (batch, …) → (batch, 3)."""


class Measured(NamedTuple):
    """What is asked of a circuit at its end.

    Attributes:
        groups: the wires of every product of Z, or of the probabilities, the first the most significant bit.
        n_outcomes: number of outcomes 0, 1, … whose probabilities are asked for; 0 for products of Z.
        is_renormalised: whether these probabilities are divided by their sum.
        is_log: whether logits are logarithms, of probabilities or of (1 ± v)/2.
        has_head: whether a trained linear layer makes logits of the values.
    """

    groups: tuple[tuple[int, ...], ...]
    n_outcomes: int = 0
    is_renormalised: bool = False
    is_log: bool = False
    has_head: bool = False


class Sketch(NamedTuple):
    """A circuit as it is drawn, its wires numbered as its author numbers them.

    Attributes:
        circuit: the gates.
        measured: what is asked at its end.
        amplitudes: the wires that hold an input from the beginning; all others begin at |0⟩.
        features: the products of features, by position, in every angle of a source; one that is drawn has none.
        patch: channels, height and width of the part of an image that is the circuit's input, if it is one.
        n_filters: number of circuits of this kind.
    """

    circuit: Circuit
    measured: Measured
    amplitudes: tuple[int, ...] = ()
    features: Mapping[Source, Sequence[Sequence[tuple[int, ...]]]] = {}
    patch: tuple[int, int, int] | None = None
    n_filters: int = 1


@runtime_checkable
class Sketched(Protocol):
    """A circuit that is known gate by gate."""

    def sketch(self, noise: Literal["none", "draws"]) -> Sketch:
        """The circuit with its noise layers as random angles, or without them."""


def _as_they_are(inputs: Tensor) -> tuple[Tensor, None]:
    return inputs, None


class Run(NamedTuple):
    """A trained circuit, as any device can run it.

    Attributes:
        circuit: without noise.
        weights: (n_weights,), of the angles.
        wires: the k wires that are counted.
        logits_of: shares of the counted outcomes, (batch, 2**k), the first wire the most significant bit → logits
            (batch, classes).
        arguments: inputs (batch, d) → the circuit's features, and its draws, of which a circuit may have none.
    """

    circuit: Circuit
    weights: Tensor
    wires: tuple[int, ...]
    logits_of: Callable[[Tensor], Tensor]
    arguments: Callable[[Tensor], tuple[Tensor, Tensor | None]] = _as_they_are


@runtime_checkable
class Runnable(Protocol):
    """A trained circuit whose outputs follow from counts of basis states."""

    def runnable(self) -> Run:
        """The circuit at its present angles.

        Raises:
            PartError: it has noise of its own, so that no circuit of gates alone gives its outputs.
        """


@runtime_checkable
class Curved(Protocol):
    """A module with values to follow in training."""

    def curves(self) -> Mapping[str, float]:
        """The values after an epoch, by name."""


@runtime_checkable
class Flipped(Averaging, Protocol):
    """A circuit that may have noise layers which average to flips of single wires."""

    def total_flips(self) -> float | None:
        """The sum of the flips' probabilities; ``None`` without noise layers."""


@runtime_checkable
class Sampled(Protocol):
    """A classifier that is measured shot by shot."""

    def shots_needed(self, inputs: Tensor) -> DoubleArray:
        """The number of measurements needed: (batch, …) → (batch,)."""


def is_randomised(module: Module) -> bool:
    """Whether the forward pass draws."""
    return isinstance(module, Randomised) and bool(module.is_randomised)


def averaged(module: Module) -> Module:
    """The classifier averaged exactly over its draws, or the classifier itself without an exact average."""
    return module.averaged() if isinstance(module, Averaging) else module


def reseed_all(module: Module, seed: int) -> None:
    """Start the draws of the outermost modules that draw; each reseeds the modules that it holds."""
    if isinstance(module, Reseeded) and callable(module.reseed):
        module.reseed(seed)
    else:
        for child in module.children():
            reseed_all(child, seed)
