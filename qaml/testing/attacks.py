"""The conformance check of attacks."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from qaml.attacks.base import AttackPart, AttackResult, Target
from qaml.testing.material import (
    IMAGES,
    assert_same_arrays,
    blobs,
    check_settings,
    check_sources,
    global_generators_left_alone,
    scrambled,
)
from qaml.types import InputInfo

N_INPUTS = 12


class Victim(nn.Module):
    """A small network with dropout and batch normalisation, whose modes and gradients an attack must not disturb."""

    def __init__(self, info: InputInfo) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.inner = nn.Linear(info.n_features, 8)
        self.norm = nn.BatchNorm1d(8)
        self.dropout = nn.Dropout(0.5)
        self.outer = nn.Linear(8, info.n_classes)
        with torch.no_grad():
            for weight in self.parameters():
                weight.copy_(torch.randn(weight.shape, generator=generator))

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) → logits (batch, n_classes)."""
        logits: Tensor = self.outer(self.dropout(torch.relu(self.norm(self.inner(inputs.flatten(1))))))
        return logits


class QuadraticVictim(Victim):
    """The same weights as a classifier with logits xᵀO_kx/‖x‖², for attacks that need exact distances."""

    def observables(self) -> Tensor:
        """(n_classes, n_features, n_features)."""
        return torch.einsum("kh,hi,hj->kij", self.outer.weight, self.inner.weight, self.inner.weight)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, …) → logits (batch, n_classes)."""
        flat = inputs.flatten(1)
        squares = (flat @ self.inner.weight.T).square() / flat.square().sum(1, keepdim=True)
        return squares @ self.outer.weight.T


def check_attack(part: AttackPart, info: InputInfo = IMAGES) -> None:
    """Check an attack on a small network; it runs four times on a dozen inputs.

    Shapes and types, budgets and bounds, correct counts of queries, one result a seed, a classifier and global
    generators left as they were, progress, and an empty batch.

    Raises:
        AssertionError: a property does not hold; the message says what was expected.
    """
    check_settings(part)
    check_sources(part)
    _check_grid(part)
    data = blobs(info, N_INPUTS, seed=7)
    inputs, labels = torch.from_numpy(data.inputs), torch.from_numpy(data.labels)
    module = _victim(part, info).eval()
    progress: list[float] = []
    scrambled(1)
    with global_generators_left_alone(f"attack {part.kind}"):
        result = part.run(_target(module, info), inputs, labels, 3, progress.append)
    assert np.array_equal(inputs.numpy(), data.inputs), "the attack changed its inputs in place"
    assert not any(layer.training for layer in module.modules()), "the attack left the classifier in another mode"
    assert all(weight.grad is None for weight in module.parameters()), "the attack left a gradient in a parameter"
    _check_shapes(part, result, inputs)
    _check_budget(part, result, inputs, info)
    _check_counts(part, result, module, labels)
    assert progress == sorted(progress), "progress went backwards"
    assert progress, "the attack reported no progress"
    assert abs(progress[-1] - 1.0) < 1e-6, f"progress ended at {progress[-1]}, expected 1"
    scrambled(2)
    again = part.run(_target(module, info), inputs, labels, 3, lambda _: None)
    assert np.array_equal(result.adversarials, again.adversarials), "two attacks with one seed differ"
    _check_victim_untouched(part, info, inputs, labels, result)
    empty = part.run(_target(module, info), inputs[:0], labels[:0], 3, lambda _: None)
    expected = (len(part.grid), 0, *info.shape)
    assert empty.adversarials.shape == expected, f"without inputs expected {expected}, got {empty.adversarials.shape}"


def _victim(part: AttackPart, info: InputInfo) -> Victim:
    return QuadraticVictim(info) if part.needs_exact else Victim(info)


def _target(module: nn.Module, info: InputInfo) -> Target:
    return Target(module, info.bounds, info.n_classes)


def _check_grid(part: AttackPart) -> None:
    assert part.threat_norm in ("linf", "l2"), f"expected a threat_norm of linf or l2, got {part.threat_norm!r}"
    assert part.minimises or part.epsilon is not None, "only an attack that minimises may go without a budget"
    for epsilon in part.grid:
        assert part.reach(epsilon) >= 0, f"reach({epsilon}) is negative"


def _check_shapes(part: AttackPart, result: AttackResult, inputs: Tensor) -> None:
    expected = (len(part.grid), *inputs.shape)
    got = result.adversarials.shape
    assert got == expected, f"expected adversarials of shape (budgets, n, *shape) = {expected}, got {got}"
    assert result.adversarials.dtype == np.float32, f"expected float32 adversarials, got {result.adversarials.dtype}"
    assert result.claimed.shape == expected[:2], f"expected claimed of shape {expected[:2]}, got {result.claimed.shape}"
    assert result.claimed.dtype == np.bool_, f"expected claimed of type bool, got {result.claimed.dtype}"
    if part.minimises:
        assert result.norms is not None, "an attack that minimises returns the smallest norms"
        assert result.norms.shape == (len(inputs),), f"expected {len(inputs)} norms, got {result.norms.shape}"
        assert not np.isnan(result.norms).any(), "a norm is NaN: without success it is infinite"


def _check_budget(part: AttackPart, result: AttackResult, inputs: Tensor, info: InputInfo) -> None:
    low, high = (np.float32(bound) for bound in info.bounds)
    adversarials = result.adversarials
    assert np.isfinite(adversarials).all(), "adversarials are not finite"
    if not part.ignores_bounds:
        lowest, highest = adversarials.min(), adversarials.max()
        assert lowest >= low, f"an adversarial goes down to {lowest}, bounds are [{low}, {high}]"
        assert highest <= high, f"an adversarial goes up to {highest}, bounds are [{low}, {high}]"
    clean = inputs.numpy()
    for epsilon, found in zip(part.grid, adversarials, strict=True):
        delta = (found.astype(np.float64) - clean).reshape(len(clean), -1)
        size = np.abs(delta).max(1) if part.threat_norm == "linf" else np.sqrt((delta**2).sum(1))
        worst = float(size.max())
        assert worst <= epsilon * (1 + 1e-5) + 1e-6, (
            f"a perturbation of {part.threat_norm} norm {worst} at ε = {epsilon}"
        )


def _check_counts(part: AttackPart, result: AttackResult, module: nn.Module, labels: Tensor) -> None:
    with torch.no_grad():
        wrong = [(module(torch.from_numpy(each)).argmax(1) != labels).numpy() for each in result.adversarials]
    differ = int((np.stack(wrong) != result.claimed).sum())
    assert differ <= 1, f"{part.kind} claims another success than predicting again shows, for {differ} adversarials"


def _check_victim_untouched(
    part: AttackPart, info: InputInfo, inputs: Tensor, labels: Tensor, expected: AttackResult
) -> None:
    module = _victim(part, info).train()
    module.outer.weight.grad = torch.full_like(module.outer.weight, 7.0)
    module.inner.weight.requires_grad_(False)
    before = {name: value.clone().numpy() for name, value in module.state_dict().items()}
    result = part.run(_target(module, info), inputs, labels, 3, lambda _: None)
    after = {name: value.numpy() for name, value in module.state_dict().items()}
    assert_same_arrays(before, after, "the classifier's weights and statistics before and after the attack")
    assert all(layer.training for layer in module.modules()), "the attack left the classifier in another mode"
    assert not module.inner.weight.requires_grad, "the attack made a frozen parameter trainable"
    assert module.outer.bias.requires_grad, "the attack froze a parameter"
    grad = module.outer.weight.grad
    assert grad is not None and bool((grad == 7.0).all()), "the attack changed a parameter's gradient"  # noqa: PT018
    assert np.array_equal(result.adversarials, expected.adversarials), (
        "attacks must see the classifier in evaluation mode"
    )
