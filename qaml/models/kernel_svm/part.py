"""Configuration of a kernel support vector machine."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, SerializeAsAny

from qaml.errors import Misfit
from qaml.models.at_once_part import AtOncePart
from qaml.models.base import History, Hooks
from qaml.models.capabilities import Capability
from qaml.models.kernel_svm.kernels import Form, KernelPart, RBFKernel
from qaml.types import InputInfo, Module, Split


class KernelSVM(AtOncePart):
    """Support vector machines, one class against the others, trained by scikit-learn's ``SVC`` on the kernel's matrix.

    With more than two classes, class k has the decision function f_k(x) = Σ_i c_ki K(s_i, x) + b_k of a machine that
    separates it from all others (Schölkopf & Smola 2002, section 7.6.1), and logits are f_k. Two classes share one
    machine f, which is positive for the second, and logits are −f/2 and f/2. The kernel is differentiated through its
    support vectors s_i, so white-box attacks apply. Training draws nothing: all runs are the same.
    """

    takes_states: ClassVar[bool] = True
    default_seeds: ClassVar[int] = 1

    kind: Literal["kernel_svm"] = "kernel_svm"
    kernel: SerializeAsAny[KernelPart] = RBFKernel()
    """Kernel K: ``rbf``, ``linear``, ``polynomial``, or ``fidelity``, that of a circuit's states."""
    c: float = Field(1.0, gt=0)
    """Penalty C of margins that are violated (a soft margin; large values fit the training data)."""

    @property
    def has_exact_distances(self) -> bool:
        """Whether logits are affine, by a linear kernel, or quadratic, by a kernel of amplitudes alone."""
        return self.kernel.form is not None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """The weights of a linear machine, or the matrices of a quadratic one."""
        found: dict[Form | None, Capability] = {"affine": "affine_map", "quadratic": "observables"}
        return frozenset({found[self.kernel.form]}) if self.kernel.form in found else frozenset()

    def check(self, info: InputInfo) -> None:
        """Refuse inputs that the kernel does not fit, naming its field."""
        try:
            self.kernel.check(info)
        except Misfit as error:
            raise Misfit(("kernel", *error.where), error.what, error.hint) from error

    def build(self, info: InputInfo, seed: int) -> Module:
        """A machine with one random support vector a class, which training replaces."""
        from qaml.models.kernel_svm.network import untrained

        return untrained(self, info, seed)

    def fit(self, module: Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> History:  # noqa: ARG002
        """Train on all data at once; curves ``accuracy`` and ``support_vectors``, of one value.

        Raises:
            DataError: the kernel has no values for an example, such as amplitudes that are all zero.
            RunError: there are too many training examples for the kernel's matrix.
        """
        from qaml.models.kernel_svm.network import fit

        self.kernel.check_data(data, info)
        return fit(self, module, data, hooks)
