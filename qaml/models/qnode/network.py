"""A QNode as a classifier: PennyLane's own layer for torch, and its expectation values or probabilities as logits."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import pennylane as qml
import torch
from torch import Tensor, nn

from qaml.errors import PartError
from qaml.models.edge import Edge
from qaml.models.factories import called
from qaml.models.one_wire.network import log_probabilities
from qaml.models.points import points_within
from qaml.types import InputInfo

if TYPE_CHECKING:
    from qaml.models.qnode.part import PennyLane

Readout = Literal["expectations", "probabilities"]
INEXACT = frozenset({"finite-diff", "spsa"})
"""Methods whose gradients are estimates."""
INDEX = "in a batch 'inputs' is (batch, n_features): index features as inputs[..., i], or write 'batched: false'"
ROUNDING = 1e-4
"""Error by which an expectation value may leave [−1, 1]."""


class QNodeClassifier(nn.Module):
    """Logits of a QNode: expectation values, log (1 ± value)/2 of a single one, or the logarithms of probabilities.

    Its state dictionary is that of the layer.

    Args:
        layer: PennyLane's layer around the QNode.
        readout: what the QNode measures.
        n_classes: number of classes; of 2ᵐ probabilities the first are taken, if fewer wires would not do.
        scale: factor on the logits.
        batched: whether the QNode takes all inputs at once.
    """

    def __init__(self, layer: nn.Module, readout: Readout, n_classes: int, scale: float, batched: bool) -> None:
        super().__init__()
        self.layer = layer
        self.readout = readout
        self.n_classes = n_classes
        self.scale = scale
        self.batched = batched

    @property
    def qnode(self) -> Any:
        """The circuit with its device."""
        return self.layer.qnode

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) → logits (batch, n_classes), or another number of them if the QNode measures another one.

        Raises:
            PartError: a single value leaves [−1, 1].
        """
        flat = inputs.flatten(1)
        if flat.requires_grad:
            watched: Any = flat  # torch gives its hooks no types
            watched.register_hook(self._checked)
        with _default_dtype(flat.dtype):
            values = self.layer(flat) if self.batched else torch.stack([self.layer(row) for row in flat])
        return self.scale * self._logits(values.reshape(len(flat), -1))

    def _logits(self, values: Tensor) -> Tensor:
        if self.readout == "probabilities":
            fits = values.shape[1] < 2 * self.n_classes
            kept = values[:, : self.n_classes] if fits else values
            return kept.clamp_min(torch.finfo(kept.dtype).eps / 4).log()
        if values.shape[1] > 1:
            return values
        if bool((values.detach().abs() > 1 + ROUNDING).any()):
            raise PartError(
                f"the qnode's single value is {values.detach().abs().max():.3g}, expected one in [−1, 1]",
                "two classes have the probabilities (1 ± value)/2: measure a Pauli word, or one observable a class",
            )
        return log_probabilities(values[:, 0])

    def _checked(self, gradient: Tensor) -> None:
        """Refuse a gradient that is no number: attacks would take it for none."""
        lost = int((~gradient.isfinite().flatten(1).all(1)).sum())
        if lost:
            raise PartError(
                f"the gradient in the qnode's inputs is NaN for {lost} of {len(gradient)} inputs on "
                f"{self.qnode.device.name!r}",
                "amplitude encoding has none on some devices where an amplitude is zero (black pixels, padding): "
                "'device: default.qubit' has one, or write 'gradients: false' and attack by transfer and questions",
            )

    def state_dict(self, *args: Any, **options: Any) -> Any:
        """The layer's own."""
        return self.layer.state_dict(*args, **options)

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        """The layer's own."""
        return self.layer.load_state_dict(state_dict, *args, **options)


def made_by(factory: Callable[..., Any], part: PennyLane, info: InputInfo) -> Edge:
    """Call the factory, put its circuit on the device that the part names, and wrap it in ``models.edge``.

    Raises:
        PartError: see ``PennyLane.made``.
    """
    layer = _layer(called(factory, part.factory, part.arguments), part.factory)
    layer.qnode = _as_asked(layer.qnode, part)
    points = points_within(info, 2).flatten(1)
    readout = _readout(layer, points, part)
    layer.qnode = _differentiable(layer, points if part.batched else points[0], part)
    return Edge(QNodeClassifier(layer, readout, info.n_classes, part.logit_scale, part.batched))


def tape_of(layer: Any, inputs: Tensor) -> Any:
    """The operations and measurements that the QNode queues for inputs."""
    weights = {name: weight.detach() for name, weight in layer.qnode_weights.items()}
    return qml.workflow.construct_tape(layer.qnode)(**{layer.input_arg: inputs}, **weights)


def _layer(made: Any, factory: str) -> Any:
    if isinstance(made, qml.qnn.TorchLayer):
        return made
    qnode, shapes = made if isinstance(made, tuple) and len(made) == 2 else (made, {})
    if not isinstance(qnode, qml.QNode) or not isinstance(shapes, Mapping):
        found = f"a tuple of {len(made)}" if isinstance(made, tuple) else f"a {type(made).__name__}"
        hint = "a torch module around a circuit is 'kind: torch_module'" if isinstance(made, nn.Module) else ""
        raise PartError(
            f"factory {factory!r} returned {found}, expected (qnode, weight_shapes) or a qml.qnn.TorchLayer", hint
        )
    try:
        return qml.qnn.TorchLayer(qnode.update(interface="torch"), dict(shapes))
    except Exception as error:
        raise PartError(
            f"the qnode of {factory!r} makes no layer: {error}",
            "return (qnode, weight_shapes): the circuit takes 'inputs', and every other argument has its shape there",
        ) from error


def _as_asked(qnode: Any, part: PennyLane) -> Any:
    """The QNode on the device and with the method of the part.

    Raises:
        PartError: there is no such device, it draws, or the method's gradients are estimates.
    """
    if qnode.shots or qnode.device.shots:
        shots = qnode.shots or qnode.device.shots
        raise PartError(
            f"the qnode of {part.factory!r} measures with {shots.total_shots:,} shots, expected exact values",
            "leave out shots and qml.set_shots: with shots there is no backpropagation, parameter shifts take no "
            "batch, and training and attacks need exact gradients",
        )
    changes = {} if part.diff_method is None else {"diff_method": part.diff_method}
    if part.device is not None:
        changes["device"] = _device(part.device, qnode.device.wires, part)
    try:
        qnode = qnode.update(**changes) if changes else qnode
    except Exception as error:
        name, method = changes.get("device", qnode.device).name, changes.get("diff_method", qnode.diff_method)
        raise PartError(
            f"the qnode of {part.factory!r} does not run on {name!r} with {method}: {error}",
            "'diff_method: best' takes what the device has",
        ) from error
    if part.gradients and qnode.diff_method in INEXACT:
        raise PartError(
            f"the qnode of {part.factory!r} differentiates by {qnode.diff_method}, whose gradients are estimates",
            "'diff_method: best' has exact ones; 'gradients: false' refuses attacks that need them",
        )
    return qnode


def _device(name: str, wires: Any, part: PennyLane) -> Any:
    known = sorted(qml.plugin_devices)
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise PartError(f"there is no PennyLane device {name!r}", f"{hint}installed: {', '.join(known)}")
    try:
        return qml.device(name, wires=wires, **part.device_options)
    except Exception as error:
        raise PartError(f"PennyLane's device {name!r} cannot be made: {error}", "check 'device_options'") from error


def _readout(layer: Any, points: Tensor, part: PennyLane) -> Readout:
    factory = part.factory
    try:
        measured = tape_of(layer, points if part.batched else points[0]).measurements
    except Exception as error:
        where = f"on inputs of shape {tuple(points.shape)}: {type(error).__name__}: {error}"
        raise PartError(f"the qnode of {factory!r} fails {where}", INDEX if part.batched else "") from error
    kinds = {type(each) for each in measured}
    if kinds == {qml.measurements.ExpectationMP}:
        return "expectations"
    if kinds == {qml.measurements.ProbabilityMP} and len(measured) == 1:
        return "probabilities"
    names = ", ".join(sorted(kind.__name__.removesuffix("MP").lower() for kind in kinds)) or "nothing"
    raise PartError(
        f"the qnode of {factory!r} returns {names}, expected expectation values or the probabilities of one register",
        "return [qml.expval(…), …], one for each class, or qml.probs(wires=…)",
    )


def _differentiable(layer: Any, points: Tensor, part: PennyLane) -> Any:
    """The QNode, expanded where its rule has no gradient of a batch."""
    qnode = layer.qnode
    if not (part.batched and part.gradients):
        return qnode
    method = qnode.diff_method
    if method == "best":
        weights = {name: weight.detach() for name, weight in layer.qnode_weights.items()}
        method = qml.workflow.get_best_diff_method(qnode)(**{layer.input_arg: points}, **weights)
    return qml.transforms.broadcast_expand(qnode) if method == "parameter-shift" else qnode


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """PennyLane returns numbers of some devices in torch's default type."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(default)
