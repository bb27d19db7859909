"""Kernels: inner products of features that are never written out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from qaml.registry import Part, Registry
from qaml.types import InputInfo, Module, Split, Tensor

Form: TypeAlias = Literal["affine", "quadratic"]

KERNELS: Registry[KernelPart] = Registry(
    "kernel",
    "qaml.kernels",
    {
        "rbf": "qaml.models.kernel_svm.kernels:RBFKernel",
        "linear": "qaml.models.kernel_svm.kernels:LinearKernel",
        "polynomial": "qaml.models.kernel_svm.kernels:PolynomialKernel",
        "fidelity": "qaml.models.kernel_svm.fidelity:FidelityKernel",
    },
)


class KernelPart(Part, ABC):
    """The configuration of a symmetric, positive semidefinite function of two inputs, differentiable in both."""

    @property
    def form(self) -> Form | None:
        """The form of a machine's logits, by which they have exact distances: affine, or xᵀO_kx/‖x‖²."""
        return None

    def check(self, info: InputInfo) -> None:
        """Refuse inputs that the kernel does not fit.

        Raises:
            PartError: the inputs do not fit; the message says what would.
        """

    def check_data(self, data: Split, info: InputInfo) -> None:
        """Refuse training data for which the kernel has no values.

        Raises:
            DataError: the data has such examples.
        """

    def feature_map(self, info: InputInfo) -> Module | None:  # noqa: ARG002
        """A module without trained parameters, from inputs (n, n_features) float64 to what ``matrix`` compares.

        It is asked once for each support vector. ``None``: inputs are compared as they are.
        """
        return None

    def learned(self, inputs: Tensor) -> Tensor:
        """The kernel's parameters that come from the training data, (n_parameters,) float64; none for most kernels.

        Args:
            inputs: (n, n_features) float64, the training inputs.
        """
        return inputs.new_zeros(0)

    @abstractmethod
    def matrix(self, one: Tensor, other: Tensor, learned: Tensor) -> Tensor:
        """K(x, y) of every pair: (n, n_features) and (m, n_features) float64 → (n, m), by torch's operations.

        Args:
            one: the inputs x, or what ``feature_map`` makes of them.
            other: the inputs y, likewise.
            learned: the result of ``learned`` on the training inputs.
        """


KERNELS.bind(KernelPart)


class _Scaled(KernelPart, ABC):
    """A kernel with a factor γ, as scikit-learn has it."""

    gamma: Annotated[float, Field(gt=0)] | Literal["scale"] = "scale"
    """Factor γ of the inputs; ``scale`` is 1/(n_features · Var X) of the training inputs, of all their coordinates."""

    def learned(self, inputs: Tensor) -> Tensor:
        """The factor γ, (1,)."""
        if self.gamma != "scale":
            return inputs.new_full((1,), self.gamma)
        variance = inputs.var(correction=0)
        return (1 / (inputs.shape[1] * variance)).reshape(1) if variance > 0 else inputs.new_ones(1)


class RBFKernel(_Scaled):
    """K(x, y) = exp(−γ‖x − y‖²)."""

    kind: Literal["rbf"] = "rbf"

    def matrix(self, one: Tensor, other: Tensor, learned: Tensor) -> Tensor:
        """From squares and products: differences would take memory n · m · n_features."""
        squares = one.square().sum(1, keepdim=True) + other.square().sum(1) - 2 * one @ other.T
        kernel: Tensor = (-learned[0] * squares.clamp(min=0)).exp()
        return kernel


class LinearKernel(KernelPart):
    """K(x, y) = x·y."""

    kind: Literal["linear"] = "linear"
    form: ClassVar[Form] = "affine"

    def matrix(self, one: Tensor, other: Tensor, learned: Tensor) -> Tensor:  # noqa: ARG002
        """Inner products."""
        return one @ other.T


class PolynomialKernel(_Scaled):
    """K(x, y) = (γ x·y + r)ᵈ."""

    kind: Literal["polynomial"] = "polynomial"
    degree: int = Field(3, ge=1, le=20)
    """Exponent d."""
    coefficient: float = 0.0
    """Constant r."""

    def matrix(self, one: Tensor, other: Tensor, learned: Tensor) -> Tensor:
        """Powers of inner products."""
        kernel: Tensor = (learned[0] * (one @ other.T) + self.coefficient) ** self.degree
        return kernel
