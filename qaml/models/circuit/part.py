"""Configuration of a circuit that a spec writes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from qaml.errors import Misfit
from qaml.models.base import Training
from qaml.models.circuit.blocks import Block, Encode
from qaml.models.circuit.contents import holds_noise, reads_angles, reads_behind_noise
from qaml.models.circuit.initial import Initial
from qaml.models.circuit.lowering import Lowered, by_name, lower, trained_numbers
from qaml.models.circuit.readout import Readout
from qaml.models.circuit.wiring import MOST_WIRES, Place
from qaml.models.published_part import Group, PublishedPart, Wanted
from qaml.quantum.channels import ChannelPart
from qaml.quantum.circuit import Circuit, Gate, GateName
from qaml.types import InputInfo, Module, Split
from qaml.vocab import GradientRule

TRAJECTORIES = 16
"""Number of trajectories, unless a model says otherwise."""
MOST_EXACT, MOST_EXACT_BACK = 6, 10
"""Largest numbers of wires with channels that are averaged exactly: by density matrices, and by observables."""

Wires = Annotated[int, Field(ge=1, le=MOST_WIRES)]
Registers = Annotated[dict[str, Wires], Field(min_length=1)]


class CircuitModel(PublishedPart):
    """A circuit of blocks: encodings, gates with trained angles or with angles of features, pooling, loops.

    Values that are measured at its end are the logits, for any number of classes.
    """

    kind: Literal["circuit"] = "circuit"
    wires: Wires | Registers | None = None
    """Number of qubits, at most 12, or a mapping of registers to theirs, such as ``{data: 8, ancilla: 2}``, whose wires
    are counted in this order (default: as few as an encoding in the first block needs)."""
    layers: tuple[Block, ...] = Field(min_length=1)
    """The blocks, in order."""
    readout: Readout = Readout()
    """The values that are measured."""
    channels: dict[GateName, tuple[ChannelPart, ...]] = Field(default_factory=dict)
    """Channels after every gate of a name, on its wires, such as ``{cnot: [{kind: depolarising, probability: 0.01}]}``,
    in training and ever after. ``su4``, poolings and encodings consist of these gates. They are averaged exactly on at
    most six wires, and at inference on ten where no feature is an angle behind a channel; otherwise by trajectories."""
    trajectories: int = Field(TRAJECTORIES, ge=1, le=10_000, exclude_if=lambda n: n == TRAJECTORIES)
    """Number of trajectories of every input in a forward pass, over which the probabilities of outcomes are averaged,
    where channels are not averaged exactly. With them the circuit is randomised; a seed fixes every draw."""
    initial_angles: Initial = Initial()
    """Angles, and b of those with features, before training; uniform in [0, 2π] by default."""
    initial_weights: Initial = Initial(distribution="normal")
    """Weights w of features before training, where they are divided by the root of their number in an angle; normal by
    default."""
    logit_scale: float = Field(1.0, gt=0)
    """Factor on the logits. Expectation values lie in [−1, 1], so that their cross-entropy never becomes confident."""
    training: Training = Training(lr=0.01, batch=64, epochs=30)
    """Settings of the model's training."""

    takes_states: ClassVar[bool] = True
    is_runnable: ClassVar[bool] = True
    takes_channels: ClassVar[bool] = True
    has_counts: ClassVar[bool] = True
    is_sketched: ClassVar[bool] = True

    @property
    def has_exact_distances(self) -> bool:
        """Whether inputs are amplitudes alone, and noise is averaged: then values are quadratic forms of them."""
        return not reads_angles(self.layers) and not self.is_randomised

    @property
    def has_channels(self) -> bool:
        """Whether there are ``channels``, or blocks of noise."""
        return bool(self.channels) or holds_noise(self.layers)

    @property
    def gradient_rules(self) -> frozenset[GradientRule]:
        """The gradient rules: without channels differences of values, and shifts where inputs are angles alone."""
        if self.has_channels:
            return frozenset()
        has_amplitudes = isinstance(self.layers[0], Encode) and self.layers[0].encode == "amplitude"
        return frozenset({"finite_difference"} if has_amplitudes else {"finite_difference", "parameter_shift"})

    @property
    def is_randomised(self) -> bool:
        """Whether channels are averaged over trajectories at inference, which draw."""
        wires = self.wires if isinstance(self.wires, int) else sum((self.wires or {}).values())
        return self.has_channels and self._draws_on(wires)

    def _draws_on(self, n_wires: int) -> bool:
        """Whether channels on so many wires are averaged over trajectories at inference."""
        is_cut = n_wires <= MOST_EXACT_BACK and not reads_behind_noise(self.layers, frozenset(self.channels))
        return n_wires > MOST_EXACT and not is_cut

    def lowered(self, info: InputInfo) -> Lowered:
        """The circuit for inputs of this description.

        Raises:
            Misfit: it does not fit them.
        """
        return lower(self.wires, self.layers, self.readout, info, self._channels())

    def n_wires(self, info: InputInfo) -> int:
        """The wires of the circuit for these inputs.

        Raises:
            Misfit: it does not fit them.
        """
        return self.lowered(info).circuit.n_wires

    def _channels(self) -> dict[str, tuple[ChannelPart, ...]]:
        return {str(gate): after for gate, after in self.channels.items()}

    def check(self, info: InputInfo) -> None:
        """Refuse inputs, classes and weights that the blocks and the readout do not fit, naming the block."""
        circuit = self.lowered(info).circuit
        check_gates(self.channels, [circuit], ("channels",))
        if self.wires is None and self.has_channels and self._draws_on(circuit.n_wires):
            message = f"channels on {circuit.n_wires} wires are drawn at random here, which a model says by its 'wires'"
            raise Misfit(
                ("layers",), message, f"add 'wires: {circuit.n_wires}', or use fewer wires: at most {MOST_EXACT}"
            )
        self.check_weights(info)

    def check_disturbed(self, info: InputInfo, channels: Mapping[GateName, Sequence[ChannelPart]]) -> None:
        """Refuse channels behind gates that the circuit does not have, and those of all wires at once."""
        check_gates(channels, [self.lowered(info).circuit], ())

    def disturbed(self, module: Module, channels: Mapping[GateName, Sequence[ChannelPart]]) -> Module:
        """The trained circuit with these channels behind its gates, averaged exactly or over trajectories."""
        from qaml.models.circuit.network import CircuitClassifier

        assert isinstance(module, CircuitClassifier)
        after = {str(gate): [by_name(each, (gate,)) for each in every] for gate, every in channels.items()}
        return module.disturbed(after)

    def wanted(self, info: InputInfo) -> dict[Group, Wanted]:
        """Angles, weights of features, and the linear layer behind them."""
        lowered = self.lowered(info)
        numbers = trained_numbers(self.wires, self.layers, self.readout, info, self._channels())
        angles, weights = numbers.layout()
        found: dict[Group, Wanted] = {"angles": angles, "weights_of_features": weights}
        if self.readout.head:
            is_register = self.readout.probabilities is not None
            n_values = 2 ** len(lowered.readout[0]) if is_register else len(lowered.readout)
            found["head.weight"] = Wanted.of_shape((info.n_classes, n_values))
            found["head.bias"] = Wanted.of_shape((info.n_classes,))
        return found

    def network(self, info: InputInfo) -> Module:
        """The untrained circuit, its numbers from torch's generator."""
        from qaml.models.circuit.network import AmplitudeClassifier, CircuitClassifier, initialise

        lowered = self.lowered(info)
        network = AmplitudeClassifier if self.has_exact_distances else CircuitClassifier
        made = network(lowered, self.readout, info.n_features, info.n_classes, self.logit_scale, self.trajectories)
        initialise(made, self.initial_angles, self.initial_weights)
        return made

    def check_data(self, module: Module, data: Split) -> None:
        """Refuse inputs whose amplitudes are all zero, and so no state.

        Raises:
            DataError: there are such.
        """
        from qaml.models.circuit.network import CircuitClassifier
        from qaml.models.qvc.network import refuse_zero_inputs

        assert isinstance(module, CircuitClassifier)
        if module.lowered.circuit.encoding == "amplitude":
            refuse_zero_inputs(data)

    def around_training(self, module: Module) -> AbstractContextManager[None]:
        """Let channels on many wires draw as in training, in evaluation mode, too."""
        from qaml.models.circuit.network import CircuitClassifier

        assert isinstance(module, CircuitClassifier)
        return module.trained()


def check_gates(channels: Mapping[GateName, Sequence[ChannelPart]], circuits: Iterable[Circuit], place: Place) -> None:
    """Refuse channels that would act nowhere, or not on single wires.

    Args:
        channels: channels behind the gates of each name.
        circuits: the circuits of a model, one of which has such a gate.
        place: where the channels are, for messages.

    Raises:
        Misfit: no circuit has such a gate, or there is no such channel.
    """
    operations = (each for circuit in circuits for each in circuit.operations)
    names = dict.fromkeys(each.name for each in operations if isinstance(each, Gate))
    for gate, every in channels.items():
        if gate not in names:
            hint = f"its gates: {', '.join(names) or 'none'}"
            raise Misfit((*place, gate), f"the circuit has no gate {gate!r}, so no channel would act", hint)
        for number, each in enumerate(every):
            by_name(each, (*place, gate, number))
