"""What a classifier can do beside answering, asked in one place.

qaml's own modules have what their class defines. A module of a user's stands behind ``models.edge``, which shows only
what its part declares (``ModelPart.capabilities``): an attribute of the user's that happens to be called ``states`` is
no capability.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import nn

Capability = Literal[
    "is_randomised",
    "reseed",
    "averaged",
    "expectations",
    "logits_of",
    "observables",
    "features",
    "states",
    "bloch",
    "described",
    "curves",
    "noise",
    "total_flips",
    "shots_needed",
]
"""``is_randomised`` with ``reseed(seed)``: forward passes draw. ``averaged()``: the classifier averaged over draws.
``expectations(inputs)`` with ``logits_of``: one measured value. ``observables()``: logits are quadratic forms.
``features(inputs)``: what the last layer sees. ``states(inputs)``: encoded quantum states. ``bloch(inputs)``: of the
measured wire. ``described(noise)``: the circuit. ``curves()``: values of an epoch. ``noise``, ``total_flips()``: noise
layers. ``shots_needed(inputs)``: how often to measure."""


def capability(module: nn.Module, name: Capability) -> Any:
    """The method or value, or None for a module without it."""
    return getattr(module, name, None)


def has(module: nn.Module, *names: Capability) -> bool:
    """Whether a module has all of these."""
    return all(capability(module, name) is not None for name in names)


def is_randomised(module: nn.Module) -> bool:
    """Whether the forward pass draws."""
    return bool(capability(module, "is_randomised"))


def averaged(module: nn.Module) -> nn.Module:
    """The classifier averaged exactly over its draws, or itself where nothing averages them."""
    average = capability(module, "averaged")
    return average() if callable(average) else module


def reseed_all(module: nn.Module, seed: int) -> None:
    """Start the draws of the outermost modules that draw; each reseeds what it holds.

    What lies behind the edge is asked by the edge alone.
    """
    reseed = capability(module, "reseed")
    if callable(reseed):
        reseed(seed)
    elif not getattr(type(module), "is_edge", False):
        for child in module.children():
            reseed_all(child, seed)
