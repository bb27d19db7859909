"""Support vector machines as a torch module, and their training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from sklearn.svm import SVC
from torch import Tensor, nn

from qaml.errors import RunError
from qaml.models.at_once import kept, lesson, resumed
from qaml.models.base import History, Hooks
from qaml.models.kernel_svm.kernels import KernelPart
from qaml.models.kernel_svm.part import KernelSVM
from qaml.models.points import points_within
from qaml.types import DoubleArray, InputInfo, Split

MOST = 10_000
"""Largest number of training examples: their kernel matrix takes 800 MB."""
ABSENT = -1e9
"""Decision value of a class that the training data lacked."""
RATED = 2000
"""Largest number of training examples on which the accuracy is measured."""
CHUNK = 1000
"""Number of inputs whose features are computed at once, outside attacks: states of 12 wires take 66 MB."""


class KernelMachine(nn.Module):
    """Decision functions of support vectors, in float64 inside: differences of squares need it.

    Args:
        kernel: the kernel.
        n_classes: number of classes.
        state: ``support`` (m, n_features), ``coefficients`` (n_machines, m), ``biases`` (n_machines,) and the kernel's
            ``learned`` parameters; n_machines is the number of classes, or 1 for two classes.
        feature_map: the kernel's.
    """

    support: Tensor
    coefficients: Tensor
    biases: Tensor
    learned: Tensor
    compared: Tensor | None

    def __init__(
        self, kernel: KernelPart, n_classes: int, state: Mapping[str, Tensor], feature_map: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.n_classes = n_classes
        for name, tensor in state.items():
            self.register_buffer(name, tensor.double())
        self.feature_map = feature_map
        self.register_buffer("compared", self._of_support(), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, *shape) → logits (batch, n_classes), in the precision of the inputs."""
        own = inputs.flatten(1).double()
        own = own if self.feature_map is None else self.feature_map(own)
        support = self.support if self.compared is None else self.compared
        values = self.kernel.matrix(own, support, self.learned) @ self.coefficients.T
        return _of_machines(values + self.biases).to(inputs.dtype)

    def replace(self, state: Mapping[str, Tensor]) -> None:
        """Take support vectors, of which there may be another number."""
        for name, tensor in state.items():
            setattr(self, name, tensor.detach().double().to(self.support.device))
        self.compared = self._of_support()

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        """Make room for as many support vectors as there are, and load them."""
        self.replace({name: state_dict[name] for name in self.state_dict()})
        return super().load_state_dict(state_dict, *args, **options)

    def _of_support(self) -> Tensor | None:
        """The features of the support vectors, where the kernel has a map to them."""
        return None if self.feature_map is None else features(self.feature_map, self.support)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> KernelMachine:  # noqa: ARG002
        """Move between devices; ``float()`` and ``double()`` concern inputs and logits only."""
        device = fn(torch.empty(0, device=self.support.device)).device
        for name, buffer in list(self.named_buffers(recurse=False)):
            setattr(self, name, buffer.to(device))
        for child in self.children():
            child.to(device)
        return self


class LinearMachine(KernelMachine):
    """A machine whose logits are affine in the inputs."""

    def affine_map(self) -> tuple[Tensor, Tensor]:
        """The weights W (n_classes, n_features) and biases b (n_classes,)."""
        weights = _of_machines((self.coefficients @ self.support).T).T
        return weights, _of_machines(self.biases[None])[0]


class QuadraticMachine(KernelMachine):
    """A machine with a kernel (x·y)²/(‖x‖‖y‖)², whose logits are xᵀO_kx/‖x‖²."""

    def observables(self) -> Tensor:
        """O_k = Σ_i c_ki a_i a_iᵀ + b_k 1, of a_i = s_i/‖s_i‖: (n_classes, n_features, n_features) float64."""
        amplitudes = self.support if self.compared is None else self.compared
        d = amplitudes.shape[1]
        forms = torch.einsum("ki,ia,ib->kab", self.coefficients, amplitudes, amplitudes)
        forms = forms + self.biases[:, None, None] * torch.eye(d, dtype=forms.dtype, device=forms.device)
        return _of_machines(forms.flatten(1).T).T.reshape(-1, d, d)


MACHINES = {"affine": LinearMachine, "quadratic": QuadraticMachine, None: KernelMachine}


@torch.no_grad()
def features(feature_map: nn.Module, inputs: Tensor) -> Tensor:
    """What a kernel compares of inputs (n, n_features), without gradients."""
    return torch.cat([feature_map(piece) for piece in torch.split(inputs, CHUNK)])


def _of_machines(values: Tensor) -> Tensor:
    """Logits from the machines' values, (n, n_machines) → (n, n_classes)."""
    return torch.cat([-values, values], 1) / 2 if values.shape[1] == 1 else values


def untrained(part: KernelSVM, info: InputInfo, seed: int) -> KernelMachine:
    """A machine with one random support vector a class."""
    support = points_within(info, info.n_classes, seed).flatten(1).double()
    coefficients = torch.eye(info.n_classes) if info.n_classes > 2 else torch.tensor([[-1.0, 1.0]])
    state = {
        "support": support,
        "coefficients": coefficients,
        "biases": torch.zeros(len(coefficients)),
        "learned": part.kernel.learned(support),
    }
    return MACHINES[part.kernel.form](part.kernel, info.n_classes, state, part.kernel.feature_map(info))


def fit(part: KernelSVM, module: nn.Module, data: Split, hooks: Hooks) -> History:
    """Train a machine in place; see ``KernelSVM.fit``."""
    assert isinstance(module, KernelMachine), "it was made by the part's build"
    if (history := resumed(module, hooks)) is not None:
        return history
    inputs, labels = lesson(module, data, hooks)
    if len(labels) > MOST:
        raise RunError(
            f"expected at most {MOST:,} training examples for a kernel machine, got {len(labels):,}",
            "train it on a share of them, with the transform 'subset'",
        )
    module.replace(_trained(part, module, inputs.flatten(1).double().cpu(), labels.numpy()))
    module.eval()
    some = inputs[:RATED].to(module.support.device)
    accuracy = (module(some).argmax(1).cpu() == labels[:RATED]).double().mean().item()
    return kept(module, hooks, {"accuracy": [accuracy], "support_vectors": [float(len(module.support))]})


def _trained(part: KernelSVM, module: KernelMachine, inputs: Tensor, labels: Any) -> dict[str, Tensor]:
    learned = part.kernel.learned(inputs)
    own = inputs
    if module.feature_map is not None:
        own = features(module.feature_map, inputs.to(module.support.device)).cpu()
    matrix: DoubleArray = part.kernel.matrix(own, own, learned).numpy()
    wanted = range(module.n_classes) if module.n_classes > 2 else (1,)
    machines = [_machine(matrix, labels == label, part.c) for label in wanted]
    coefficients = np.stack([own for own, _ in machines])
    used = np.flatnonzero(coefficients.any(0))
    return {
        "support": inputs[used],
        "coefficients": torch.from_numpy(coefficients[:, used]),
        "biases": torch.tensor([bias for _, bias in machines], dtype=torch.float64),
        "learned": learned,
    }


def _machine(matrix: DoubleArray, is_own: Any, c: float) -> tuple[DoubleArray, float]:
    """Coefficients of all training examples, (n,), and the bias of one class against the others."""
    coefficients = np.zeros(len(matrix))
    if not is_own.any() or is_own.all():
        return coefficients, -ABSENT if is_own.any() else ABSENT
    # it draws nothing, but without a state it takes one from numpy's global generator
    machine = SVC(kernel="precomputed", C=c, cache_size=500, random_state=0).fit(matrix, is_own.astype(np.int64))
    coefficients[machine.support_] = machine.dual_coef_[0]
    return coefficients, float(machine.intercept_[0])
