"""Configuration of a quanvolution and the network behind it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, SerializerFunctionWrapHandler, field_serializer

from qaml.errors import Misfit, PartError
from qaml.models.base import ModelPart
from qaml.models.circuit.blocks import Block
from qaml.models.circuit.contents import holds_noise
from qaml.models.circuit.initial import Initial
from qaml.models.circuit.lowering import Lowered, lower
from qaml.models.circuit.part import MOST_EXACT, Registers, Wires, check_gates
from qaml.models.circuit.readout import Readout, Values
from qaml.models.linear.part import Linear
from qaml.models.network_part import NetworkPart
from qaml.models.published_part import PublishedPart
from qaml.quantum.channels import ChannelPart
from qaml.quantum.circuit import GateName
from qaml.types import Bounds, InputInfo, Module

if TYPE_CHECKING:
    from qaml.models.circuit.network import CircuitClassifier

Side = Annotated[int, Field(ge=1, le=64)]
Sides: TypeAlias = Side | tuple[Side, Side]


class Quanvolution(NetworkPart):
    """Circuits over the patches of an image, whose measured values are the channels of a smaller image, and a network.

    Henderson et al. 2019, "Quanvolutional neural networks", arXiv:1904.04767. Every circuit goes over all patches with
    the same angles. They stay as they were drawn, as in the paper, or are ``trained`` with the network behind.
    """

    kind: Literal["quanvolution"] = "quanvolution"
    kernel: Sides = 2
    """Side of a patch in pixels, or ``[height, width]``."""
    stride: Sides | None = None
    """Distance of neighbouring patches in pixels, or ``[down, across]`` (default: patches side by side). Every pixel
    must be in a patch; the transform ``pad`` in the model's ``front`` makes a frame of zeros."""
    depthwise: bool = False
    """Whether each channel of an image has patches of its own; otherwise a patch holds the pixels of all channels."""
    wires: Wires | Registers | None = None
    """Number of qubits, or registers, as of a ``circuit`` (default: as few as an encoding in the first block needs)."""
    layers: tuple[Block, ...] = Field(min_length=1)
    """The blocks, as of a ``circuit``. Its features are a patch's pixels, row by row, of one channel after another."""
    readout: Values = Values()
    """The measured values, one an output channel."""
    channels: dict[GateName, tuple[ChannelPart, ...]] = Field(default_factory=dict)
    """Channels after every gate of a name, as of a ``circuit``, averaged exactly on at most six wires."""
    filters: int = Field(1, ge=1, le=64)
    """Number of circuits of these blocks, each with angles, and ``random`` gates, of its own: the output has the values
    of one after another as channels."""
    trained: bool = False
    """Whether angles, and weights of features, are trained; otherwise they stay as they were drawn."""
    seed: int | None = Field(None, ge=0, lt=2**32)
    """Seed of the angles, which all training runs then have in common (default: each draws its own)."""
    initial_angles: Initial = Initial()
    """Distribution of the angles, and of b of those with features; uniform in [0, 2π] by default."""
    initial_weights: Initial = Initial(distribution="normal")
    """Distribution of the weights w of features, which are divided by the root of their number in an angle."""
    classifier: ModelPart = Linear()
    """The network behind, ``{kind: …}`` with fields of its own, but for ``training``."""

    needs_images: ClassVar[bool] = True
    is_sketched: ClassVar[bool] = True
    no_device: ClassVar[str] = "measures a circuit for each patch of an image, and a device is given one an image"

    @field_serializer("classifier", mode="wrap")
    def _without_training(self, part: ModelPart, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(part).items() if name != "training"}

    @property
    def runs_foreign_code(self) -> bool:
        """Whether the network behind is not qaml's own."""
        return super().runs_foreign_code or self.classifier.runs_foreign_code

    @property
    def is_randomised(self) -> bool:
        """Whether the network behind draws."""
        return self.classifier.is_randomised

    @property
    def has_gradients(self) -> bool:
        """Whether the network behind has gradients; circuits have."""
        return self.classifier.has_gradients

    @property
    def has_channels(self) -> bool:
        """Whether there are ``channels``, or blocks of noise."""
        return bool(self.channels) or holds_noise(self.layers)

    def check(self, info: InputInfo) -> None:
        """Refuse inputs that are no images, patches that do not fit them, and blocks that do not fit a patch.

        Raises:
            PartError: the inputs do not fit; a ``Misfit`` names the field.
        """
        if not info.is_image:
            raise PartError(
                f"model {self.kind!r} expects images of shape (channels, height, width), got inputs of shape "
                f"{info.shape}",
                "use 'circuit' on plain features",
            )
        self._check_places(info, self._frame(info))
        if self.channels:
            filters = (self.lowered(info, number).circuit for number in range(self.filters))
            check_gates(self.channels, filters, ("channels",))
        self._check_classifier(self.seen(info))

    def lowered(self, info: InputInfo, number: int = 0) -> Lowered:
        """The circuit of a filter, for images of this description.

        Raises:
            Misfit: it does not fit a patch.
        """
        patch, readout = self._patch(info), Readout(**dict(self.readout), head=True)  # with a head all values are kept
        after = {str(gate): channels for gate, channels in self.channels.items()}
        remedy = "choose a smaller kernel"
        try:
            found = lower(self.wires, self.layers, readout, patch, after, variant=number, remedy=remedy)
        except Misfit as error:
            sides = "×".join(map(str, patch.shape))
            raise Misfit(error.where, f"on patches of {sides}: {error.what}", error.hint) from error
        n_wires = found.circuit.n_wires
        if found.circuit.channels and n_wires > MOST_EXACT:
            message = f"channels of a quanvolution are averaged on at most {MOST_EXACT} wires, this one has {n_wires}"
            raise Misfit(("layers",), message, "leave them out, or choose a smaller kernel")
        return found

    def seen(self, info: InputInfo) -> InputInfo:
        """The description of what the network behind sees.

        Raises:
            Misfit: the circuit does not fit a patch.
        """
        n_channels = self.filters * self._n_values(self.lowered(info)) * (info.shape[0] if self.depthwise else 1)
        low = -1.0 if self.readout.probabilities is None else 0.0
        return InputInfo((n_channels, *self._places(info)), info.classes, Bounds(low, 1.0))

    def network(self, info: InputInfo) -> Module:
        """The circuits and the untrained network behind, their numbers from torch's generator, or from ``seed``."""
        from qaml.models.quanvolution.network import Patches, QuanvolutionalNetwork
        from qaml.models.seeding import seeded

        with nullcontext() if self.seed is None else seeded(self.seed):
            circuits = [self._circuit(info, number) for number in range(self.filters)]
        patches = Patches(circuits, self._kernel, self._stride, depthwise=self.depthwise)
        return QuanvolutionalNetwork(patches, self._behind().network(self.seen(info)))

    def _circuit(self, info: InputInfo, number: int) -> CircuitClassifier:
        from qaml.models.circuit.network import CircuitClassifier, initialise

        lowered, readout = self.lowered(info, number), Readout(**dict(self.readout))
        n_features = prod(self._patch(info).shape)
        circuit = CircuitClassifier(lowered, readout, n_features, self._n_values(lowered), is_trained=self.trained)
        initialise(circuit, self.initial_angles, self.initial_weights)
        return circuit

    def _patch(self, info: InputInfo) -> InputInfo:
        """The description of the pixels of a patch."""
        return info._replace(shape=(1 if self.depthwise else info.shape[0], *self._kernel))

    def _n_values(self, lowered: Lowered) -> int:
        return len(lowered.readout) if self.readout.probabilities is None else 2 ** len(lowered.readout[0])

    def around_training(self, module: Module) -> AbstractContextManager[None]:
        """Train the network behind as it is trained alone."""
        from qaml.models.quanvolution.network import QuanvolutionalNetwork

        assert isinstance(module, QuanvolutionalNetwork)
        return self._behind().around_training(module.classifier)

    @property
    def _kernel(self) -> tuple[int, int]:
        return _pair(self.kernel)

    @property
    def _stride(self) -> tuple[int, int]:
        return self._kernel if self.stride is None else _pair(self.stride)

    def _places(self, info: InputInfo) -> tuple[int, int]:
        """Number of patches, down and across."""
        down, across = (
            (side - kernel) // stride + 1
            for side, kernel, stride in zip(info.shape[1:], self._kernel, self._stride, strict=True)
        )
        return down, across

    def _check_places(self, info: InputInfo, frame: str) -> None:
        _, height, width = info.shape
        size, patch = f"{height}×{width}", "×".join(map(str, self._kernel))
        if any(kernel > side for kernel, side in zip(self._kernel, info.shape[1:], strict=True)):
            message = f"patches of {patch} pixels do not fit into images of {size}"
            raise Misfit(("kernel",), message, "choose a smaller kernel")
        reached = [
            (places - 1) * stride + kernel
            for places, stride, kernel in zip(self._places(info), self._stride, self._kernel, strict=True)
        ]
        if reached != [height, width]:
            steps = "×".join(map(str, self._stride))
            message = f"patches of {patch} pixels in steps of {steps} cover {reached[0]}×{reached[1]} of {size} pixels"
            field = "kernel" if self.stride is None else "stride"
            raise Misfit((field,), message, f"choose another kernel or stride{frame}")

    def _frame(self, info: InputInfo) -> str:
        """A hint at the smallest square that patches cover and a transform can pad images to, where there is one."""
        size = max(info.shape[1:])
        steps = list(zip(self._kernel, self._stride, strict=True))
        fits = (side for side in range(size, 4097) if all((side - kernel) % stride == 0 for kernel, stride in steps))
        side = next(fits, None)
        return "" if side is None else f", or put the images into a frame: 'front: [{{kind: pad, size: {side}}}]'"

    def _behind(self) -> NetworkPart:
        """The part of the network behind.

        Raises:
            Misfit: it is not trained by the descent that networks share, or has settings of a training of its own.
        """
        part = self.classifier
        if not isinstance(part, NetworkPart) or type(part).fit is not NetworkPart.fit:
            hint = "choose among convnet, resnet18, huang_cnn, fnn, linear, quadratic, circuit, qvc and quanvolution"
            raise Misfit(("classifier", "kind"), f"{part.kind!r} is trained in a way of its own", hint)
        if "training" in part.model_fields_set:
            hint = "write 'training' beside 'classifier'"
            raise Misfit(("classifier", "training"), "the classifier is trained as one with what is before it", hint)
        if isinstance(part, PublishedPart) and part.weights is not None:
            message = "the classifier is trained as one with what is before it, from random numbers"
            raise Misfit(("classifier", "weights"), message, "leave them out")
        return part

    def _check_classifier(self, seen: InputInfo) -> None:
        part = self._behind()
        try:
            if isinstance(part, Quanvolution):
                part._check_places(seen, frame="")  # what is between the two has no transforms
            part.check(seen)
        except Misfit as error:
            raise Misfit(("classifier", *error.where), error.what, error.hint) from error
        except PartError as error:
            raise Misfit(("classifier", "kind"), error.message, error.hint) from error


def _pair(sides: Sides) -> tuple[int, int]:
    return sides if isinstance(sides, tuple) else (sides, sides)
