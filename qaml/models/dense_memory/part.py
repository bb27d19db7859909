"""Configuration of a dense associative memory."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qaml.errors import PartError
from qaml.models.base import History, Hooks, Training
from qaml.models.network_part import NetworkPart
from qaml.types import InputInfo, Module, Split

TEMPERATURE = 540 / 794
"""T of the authors' code a neuron: 540 for MNIST's 784 pixels and 10 labels."""


class MemoryTraining(Training):
    """The settings by which a dense memory is fitted; the defaults are those of the authors' code."""

    optimiser: Literal["adam", "sgd"] = "sgd"
    """``sgd``: the authors' rule, momentum whose largest component of each memory is the learning rate, and weights
    limited to [−1, 1] (Krotov & Hopfield 2016, eq. 13); ``adam``: Adam, without limits."""
    lr: float = Field(0.04, gt=0)
    """Learning rate ε₀ of the first epoch."""
    epochs: int = Field(100, ge=1, le=100_000)
    """Number of passes over the training data."""
    batch: int = Field(1000, ge=1, le=1_000_000)
    """Number of examples of an update."""
    momentum: float = Field(0.6, ge=0, lt=1)
    """Momentum p."""


class DenseMemory(NetworkPart):
    """A dense associative memory that completes an image by its label (Krotov & Hopfield 2016, arXiv:1606.01164).

    Memories ξ^μ hold pixels and labels, v are the pixels in [−1, 1], and F(x) = max(x, 0)ⁿ. A label unit's answer is
    c_α = tanh z_α with z_α = Σ_μ F(β'(ξ_α^μ − Σ_{γ≠α} ξ_γ^μ + Σ_i ξ_i^μ v_i)) − F(β'(−Σ_γ ξ_γ^μ + Σ_i ξ_i^μ v_i)), the
    difference of the energies with the unit off and on, all others off (eq. 9); β' = 1/T, so that β = 1/Tⁿ. Logits are
    z_α: tanh keeps their order, and would hide it where it saturates. Powers from 2 to 30 lead from feature matching to
    prototypes (Krotov & Hopfield 2018, arXiv:1701.00939).
    """

    kind: Literal["dense_memory"] = "dense_memory"
    power: int = Field(20, ge=1, le=60)
    """Power n of the rectified polynomial F."""
    memories: int = Field(100, ge=1, le=100_000)
    """Number K of memories."""
    temperature: float | None = Field(None, gt=0)
    """Temperature T (default: 0.68 for each pixel and label, which is 540 on MNIST)."""
    loss: Literal["power", "cross_entropy"] = "power"
    """``power``: Σ_α (c_α − t_α)^(2m) with targets t = ±1 (eq. 14); ``cross_entropy``: of softmax z."""
    loss_power: int = Field(30, ge=1, le=60)
    """Power m of the loss."""
    decay: float = Field(0.998, gt=0, le=1)
    """Factor on the learning rate after each epoch, where the optimiser is ``sgd`` (eq. 12)."""
    training: MemoryTraining = MemoryTraining()
    """Settings of the training."""

    def check(self, info: InputInfo) -> None:
        """Refuse inputs that cannot be mapped to [−1, 1], and a schedule beside ``decay``."""
        if not info.bounds.is_finite:
            raise PartError(
                f"model 'dense_memory' expects inputs with limits, got {info.bounds.in_words()}",
                "give the dataset bounds, or rescale it",
            )
        if self.training.optimiser == "sgd" and self.training.schedule != "constant":
            raise PartError(
                "the learning rate of a 'dense_memory' falls by 'decay', got the schedule "
                f"{self.training.schedule!r} beside it",
                "leave out 'training.schedule', or use the optimiser 'adam'",
            )

    def network(self, info: InputInfo) -> Module:
        """The untrained memory, its weights from torch's generator."""
        from qaml.models.dense_memory.network import Memory

        temperature = self.temperature or TEMPERATURE * (info.n_features + info.n_classes)
        return Memory(info, self.memories, self.power, temperature)

    def fit(self, module: Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> History:  # noqa: ARG002
        """Train by gradient descent; curves ``loss`` and ``accuracy``."""
        from qaml.models.dense_memory.training import optimiser, power_loss
        from qaml.models.training import cross_entropy, fit_classifier

        loss = power_loss(self.loss_power) if self.loss == "power" else cross_entropy
        return fit_classifier(module, self.training, data, hooks, seed, loss=loss, optimiser=optimiser(self, len(data)))
