"""An attacker's access to a classifier: checked inputs, frozen weights, private randomness, averaged draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from qaml.attacks.base import Target
from qaml.attacks.geometry import single_precision
from qaml.errors import PartError
from qaml.models.capabilities import reseed_all
from qaml.models.logits import has_answer
from qaml.models.seeding import derive_seed, seeded

BATCH = 256
"""Number of images attacked at once."""


class Averaged(nn.Module):
    """A randomised classifier whose logits are averaged over draws: expectation over transformation.

    Athalye et al. 2018, section 3.3 (arXiv 1707.07397). Every forward pass takes fresh draws.
    """

    def __init__(self, module: nn.Module, draws: int) -> None:
        super().__init__()
        self.module = module
        self.draws = draws

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (batch, *shape) to mean logits (batch, classes)."""
        total: Tensor = self.module(inputs)
        for _ in range(self.draws - 1):
            total = total + self.module(inputs)
        return total / self.draws


View = Callable[[nn.Module], nn.Module]


def as_it_is(module: nn.Module) -> nn.Module:
    """Return the module unchanged: the view of an attacker who differentiates the classifier itself."""
    return module


@contextmanager
def access(
    target: Target, inputs: Tensor, labels: Tensor, seed: int, draws: int = 1, view: View = as_it_is
) -> Iterator[nn.Module]:
    """Prepare a classifier for an attack, and restore it and torch's generators afterwards.

    Inside, the module is in evaluation mode, its weights take no gradients (so none are computed or accumulated),
    and torch's global generator starts from ``seed``, as does a randomised module's own.

    Args:
        target: the classifier.
        inputs: (n, *shape) clean inputs, checked here.
        labels: (n,) true labels, checked here.
        seed: seed of all random draws.
        draws: number of forward passes over which logits are averaged.
        view: the form of the classifier that the attacker differentiates.

    Yields:
        The module to attack.

    Raises:
        PartError: the inputs or labels do not fit the classifier.
    """
    _check(target, inputs, labels)
    module = target.module
    modes = [(part, part.training) for part in module.modules()]
    trained = [weight for weight in module.parameters() if weight.requires_grad]
    # a stream of its own: an attacker does not know the draws that its result is scored on
    private = derive_seed(seed, "attack")
    with seeded(private, inputs.device), torch.enable_grad():
        try:
            module.eval()
            for weight in trained:
                weight.requires_grad_(False)
            reseed_all(module, private)
            viewed = view(module).eval()
            yield Averaged(viewed, draws).eval() if draws > 1 else viewed
        finally:
            for weight in trained:
                weight.requires_grad_(True)
            for part, mode in modes:
                part.training = mode


def _check(target: Target, inputs: Tensor, labels: Tensor) -> None:
    if len(inputs) != len(labels):
        raise PartError(f"expected a label for every input, got {len(inputs)} inputs and {len(labels)} labels")
    if not len(inputs):
        return
    low, high = single_precision(target.bounds)
    smallest, largest = float(inputs.min()), float(inputs.max())
    if not (low <= smallest and largest <= high):
        raise PartError(
            f"expected inputs within {target.bounds.in_words()}, got values from {smallest:g} to {largest:g}",
            "an attack keeps to the dataset's bounds; normalise inside the model, or declare the bounds that hold",
        )
    if not (int(labels.min()) >= 0 and int(labels.max()) < target.n_classes):
        raise PartError(
            f"expected labels from 0 to {target.n_classes - 1}, got {int(labels.min())} to {int(labels.max())}"
        )


def check_gradients(module: nn.Module, inputs: Tensor) -> None:
    """Refuse a classifier through which no gradient flows.

    Raises:
        PartError: the logits do not depend differentiably on the inputs.
    """
    if len(inputs) and not module(inputs[:1].detach().clone().requires_grad_()).requires_grad:
        raise PartError(
            "the classifier's logits have no gradient in its inputs, and this attack needs one",
            "attack it by transfer from a surrogate, or use a straight-through gradient in the model",
        )


def is_fooled(module: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """Whether each input is classified wrongly; no answer is no success of an attack.

    Returns:
        (n,) bool.
    """
    with torch.no_grad():
        logits = module(inputs)
    wrong: Tensor = (logits.argmax(1) != labels) & has_answer(logits)
    return wrong


def chunks(n: int) -> list[slice]:
    """Slices of at most ``BATCH`` that cover ``n`` images."""
    return [slice(start, min(start + BATCH, n)) for start in range(0, n, BATCH)]
