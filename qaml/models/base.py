"""The interface of classifier parts, their training settings, and the hooks that observe and change training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from qaml.errors import PartError
from qaml.models.capabilities import Capability
from qaml.quantum.channels import ChannelPart
from qaml.quantum.circuit import GateName
from qaml.registry import Part, Registry
from qaml.types import AnyArray, InputInfo, Module, Settings, Split, Tensor
from qaml.vocab import GradientRule

MODELS: Registry[ModelPart] = Registry(
    "model",
    "qaml.models",
    {
        "rbm": "qaml.models.rbm.part:RBM",
        "convnet": "qaml.models.convnet.part:ConvNet",
        "resnet18": "qaml.models.resnet18.part:ResNet18",
        "fnn": "qaml.models.fnn.part:FNN",
        "huang_cnn": "qaml.models.huang_cnn.part:HuangCNN",
        "linear": "qaml.models.linear.part:Linear",
        "quadratic": "qaml.models.quadratic.part:Quadratic",
        "qvc": "qaml.models.qvc.part:QVC",
        "qnn": "qaml.models.qnn.part:QNN",
        "qcnn": "qaml.models.qcnn.part:QCNN",
        "circuit": "qaml.models.circuit.part:CircuitModel",
        "quanvolution": "qaml.models.quanvolution.part:Quanvolution",
        "torch_module": "qaml.models.torch_module.part:TorchModule",
        "pennylane": "qaml.models.qnode.part:PennyLane",
        "estimator": "qaml.models.estimator.part:Estimator",
        "dense_memory": "qaml.models.dense_memory.part:DenseMemory",
        "kernel_svm": "qaml.models.kernel_svm.part:KernelSVM",
    },
)

History = dict[str, list[float]]
"""Training curves: name (``loss``, ``accuracy``, …) → one value an epoch."""


class Checkpoint(NamedTuple):
    """The state of a training run: everything that a bit-exact continuation needs.

    Attributes:
        epoch: number of finished epochs.
        arrays: weights, optimiser moments, chains, generator states, as arrays.
        history: the curves so far.
    """

    epoch: int
    arrays: Mapping[str, AnyArray]
    history: History


class Hooks:
    """The methods that training calls on its way; here they do nothing, and subclasses override them.

    Defences change the data through ``epoch`` and ``batch``; the runner keeps checkpoints and draws progress.
    """

    def epoch(self, module: Module, data: Split, epoch: int) -> Split:  # noqa: ARG002
        """The training data of this epoch, before shuffling."""
        return data

    def batch(self, module: Module, inputs: Tensor, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """The batch to train on, given the batch drawn; ``step`` counts batches since the start of training."""
        return inputs, labels

    def weigh(self, losses: Tensor) -> Tensor:
        """The losses (batch,) of the batch that ``batch`` returned, weighted; a step minimises their mean."""
        return losses

    def restore(self) -> Checkpoint | None:
        """The checkpoint to continue from, or none."""
        return None

    def save(self, checkpoint: Checkpoint) -> None:
        """Offer a checkpoint after an epoch; the runner decides whether to write it."""

    def keep(self, name: str, arrays: Mapping[str, AnyArray]) -> None:
        """Keep arrays under this name beside the trained weights, such as an annealer's answers."""

    def progress(self, done: float, total: float, **values: float) -> None:
        """Report the progress of training, in epochs, with the last values of the curves."""


class Training(Settings):
    """The settings by which a model is fitted."""

    optimiser: Literal["adam", "sgd"] = "adam"
    """Optimiser: Adam (Kingma & Ba 2015) or stochastic gradient descent."""
    lr: float = Field(1e-3, gt=0)
    """Learning rate; the largest one where a schedule changes it."""
    schedule: Literal["constant", "one_cycle"] = "constant"
    """Course of the learning rate: constant, or up from a twenty-fifth over the first 30 % of training and down to
    next to nothing (Smith & Topin 2017, arXiv:1708.07120); momentum, or Adam's β₁, goes from 0.95 to 0.85 and back."""
    epochs: int = Field(5, ge=1, le=100_000)
    """Number of passes over the training data."""
    batch: int = Field(128, ge=1, le=1_000_000)
    """Number of examples of an update."""
    momentum: float = Field(0.0, ge=0, lt=1)
    """Momentum of SGD; ``one_cycle`` sets its own instead."""
    weight_decay: float = Field(0.0, ge=0)
    """Strength of the L2 penalty on the weights."""


class ModelPart(Part, ABC):
    """The configuration of a classifier: its architecture, and how it is trained."""

    training: Training = Training()
    """Settings of the model's training."""

    needs_images: ClassVar[bool] = False
    """Whether inputs must have channels, height and width."""
    trains_at_once: ClassVar[bool] = False
    """Whether ``fit`` takes all training data at once, so that no defence can attack the model while it trains."""
    takes_states: ClassVar[bool] = False
    """Whether inputs may be quantum states, rows of amplitudes of norm 1."""
    is_circuit: ClassVar[bool] = False
    """Whether it is a quantum circuit, which channels may disturb at inference (then it has ``noisy``)."""
    takes_channels: ClassVar[bool] = False
    """Whether it is a circuit that channels by gate may disturb at inference (then it has ``disturbed``)."""
    is_runnable: ClassVar[bool] = False
    """Whether it is a circuit that a device may run at inference (then its module has ``runnable``)."""
    no_device: ClassVar[str] = "describes no circuit that a device could run"
    """The reason why a model that is not runnable is not, in words that come behind its kind."""
    has_counts: ClassVar[bool] = False
    """Whether gradients are estimated from the counts of its circuit, of any readout, rather than from one value."""
    is_sketched: ClassVar[bool] = False
    """Whether it is a circuit that the report draws (then its module has ``sketch``)."""
    default_seeds: ClassVar[int] = 3
    """Number of training runs, unless the suite sets another; 5 where training is cheap."""

    @property
    def has_gradients(self) -> bool:
        """Whether logits are differentiable in the inputs."""
        return True

    @property
    def is_randomised(self) -> bool:
        """Whether the forward pass draws at inference (then the module has ``reseed(seed)``)."""
        return False

    @property
    def has_channels(self) -> bool:
        """Whether noise channels are a part of the trained circuit, so that no gates alone give its answers."""
        return False

    @property
    def gradient_rules(self) -> frozenset[GradientRule]:
        """The rules by which attackers may compute gradients, beside backpropagation through a draw.

        With ``exact`` draws have an exact average, by which the model may also decide; then the module has
        ``averaged()``, a deterministic classifier.
        """
        return frozenset()

    @property
    def has_one_value(self) -> bool:
        """Whether it decides by one measured value, from which gradients can be estimated."""
        return bool(self.gradient_rules & {"parameter_shift", "finite_difference"}) and not self.has_counts

    @property
    def is_trained(self) -> bool:
        """Whether the part brings its weights, so that ``fit`` changes nothing."""
        return False

    @property
    def predecessor(self) -> str | None:
        """The name of the model whose trained weights training starts from."""
        return None

    @property
    def has_exact_distances(self) -> bool:
        """Whether exact L2 distances follow from the trained weights: linear, or logits xᵀO_kx/‖x‖²."""
        return False

    @property
    def capabilities(self) -> frozenset[Capability]:
        """The capabilities of this part's modules, beside logits.

        Of modules that are not qaml's own nothing else is seen, so a part of another package whose modules have, say,
        ``features(inputs)`` names it here.
        """
        found: set[Capability] = {"is_randomised", "reseed"} if self.is_randomised else set()
        if "exact" in self.gradient_rules:
            found.add("averaged")
        if self.has_one_value:
            found |= {"expectations", "logits_of"}
        if self.has_exact_distances:
            found.add("observables")
        return frozenset(found)

    def to_embed(self, info: InputInfo) -> Mapping[str, Any] | None:  # noqa: ARG002
        """The machine to embed on an annealer: ``layout``, ``n_visible`` and ``n_hidden``; ``None`` for most models."""
        return None

    def embedded(self, chains: Path) -> ModelPart:
        """The same model with this file as its embedding on an annealer.

        Raises:
            PartError: the model is trained without one.
        """
        raise PartError(f"model {self.kind!r} is trained without an annealer, {chains} is of no use")

    def is_inspected(self, info: InputInfo) -> bool:  # noqa: ARG002
        """Whether the samples behind its gradient are compared with its own distribution (then training keeps
        ``estimates`` of the trained machine)."""  # noqa: D205, D209
        return False

    def check(self, info: InputInfo) -> None:
        """Refuse inputs that this architecture cannot take.

        Raises:
            PartError: the inputs do not fit; the message says what would.
        """

    @abstractmethod
    def build(self, info: InputInfo, seed: int) -> Module:
        """The untrained classifier: forward maps (batch, *info.shape) within bounds to (batch, n_classes) logits.

        Initial weights depend on ``seed`` only; torch's global generator is not changed.
        """

    @abstractmethod
    def fit(self, module: Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> History:
        """Train the module in place, calling ``hooks``; resumed equals uninterrupted, bit for bit."""

    def at_inference(self, module: Module, noise_layers: bool | None) -> Module:  # noqa: ARG002
        """The trained classifier at inference: with or without its noise layers (``None``: as in the part)."""
        return module

    def noisy(self, module: Module, channels: Sequence[ChannelPart]) -> Module:  # noqa: ARG002
        """The trained classifier with noise channels in its circuit; ``module`` is not changed.

        Raises:
            PartError: the model is no quantum circuit.
        """
        raise PartError(f"model {self.kind!r} is no quantum circuit and takes no noise channels")

    def n_wires(self, info: InputInfo) -> int | None:  # noqa: ARG002
        """The wires of its circuit for these inputs; none where it is no circuit that a device may run."""
        return None

    def check_disturbed(self, info: InputInfo, channels: Mapping[GateName, Sequence[ChannelPart]]) -> None:
        """Refuse channels by gate that do not fit the circuit.

        Raises:
            PartError: they do not fit.
        """

    def disturbed(self, module: Module, channels: Mapping[GateName, Sequence[ChannelPart]]) -> Module:  # noqa: ARG002
        """The trained classifier with noise channels behind every gate of a name; ``module`` is not changed.

        Raises:
            PartError: the model is no circuit of known gates.
        """
        raise PartError(f"model {self.kind!r} takes no noise channels by gate")


MODELS.bind(ModelPart)
