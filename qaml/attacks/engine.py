"""Foolbox, imported without its warnings and without a git executable, and its view of a classifier.

Its attacks' ``run`` is called, not ``__call__``: that would predict every batch again and judge by its own clipping.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from qaml.attacks.geometry import single_precision
from qaml.types import Bounds


def _import_quietly() -> Any:
    setting = os.environ.get("GIT_PYTHON_REFRESH")
    os.environ["GIT_PYTHON_REFRESH"] = "quiet"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import foolbox
            import foolbox.attacks.gradient_descent_base
    finally:
        if setting is None:
            del os.environ["GIT_PYTHON_REFRESH"]
        else:
            os.environ["GIT_PYTHON_REFRESH"] = setting
    return foolbox


foolbox = _import_quietly()


def library_model(module: nn.Module, bounds: Bounds, device: torch.device) -> Any:
    """The classifier as a model of foolbox (which by default would move it to the first GPU)."""
    return foolbox.PyTorchModel(module, bounds=tuple(single_precision(bounds)), device=device)


def library_count(model: Any, adversarials: Tensor, labels: Tensor) -> Tensor:
    """Foolbox's count of successes: any other argmax, that of NaN logits included.

    Returns:
        (n,) bool.
    """
    with torch.no_grad():
        counted: Tensor = foolbox.Misclassification(labels)(adversarials, model(adversarials))
    return counted
