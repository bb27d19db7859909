"""The front of a model as a torch module, with what is fitted as buffers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from qaml.data.transforms.inputs import InputTransform
from qaml.models.behind import Behind
from qaml.types import FloatArray, InputInfo


class Layer(nn.Module):
    """One transform, differentiable in its inputs; fitted arrays are buffers, float32.

    Args:
        part: the transform.
        info: description of its inputs.
    """

    def __init__(self, part: InputTransform, info: InputInfo) -> None:
        super().__init__()
        self.part = part
        self.info = info
        for name, array in part.unfitted(info).items():
            self.register_buffer(name, torch.from_numpy(array.astype(np.float32)))

    def fit(self, inputs: FloatArray) -> FloatArray:
        """Fit the transform on training inputs, (n, *shape); return them changed."""
        fitted = self.part.fit(inputs, self.info)
        for name, buffer in self.named_buffers(recurse=False):
            buffer.copy_(torch.from_numpy(fitted[name].astype(np.float32)))
        return self.part.changed(inputs, self.info, fitted)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, *shape) → (batch, *described shape)."""
        changed: Tensor = self.part.change(inputs, self.info, dict(self.named_buffers(recurse=False)))
        return changed


class Front(Behind):
    """A classifier behind transforms.

    Args:
        layers: the transforms, first to last.
        classifier: maps what the last one makes to logits.
    """

    def __init__(self, layers: Sequence[Layer], classifier: nn.Module) -> None:
        super().__init__()
        self.front = nn.Sequential(*layers)
        self.classifier = classifier

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, *shape) → logits (batch, n_classes)."""
        logits: Tensor = self.classifier(self.front(inputs))
        return logits

    def fit(self, inputs: FloatArray) -> FloatArray:
        """Fit every transform on training inputs, (n, *shape); return what the classifier sees of them."""
        for layer in self.front:
            assert isinstance(layer, Layer)
            inputs = layer.fit(inputs)
        return inputs

    def state_dict(self, *args: Any, **options: Any) -> Any:  # noqa: ARG002
        """The state of both, each as it writes its own: some classifiers hold more than tensors, or other names."""
        held = {"front": self.front, "classifier": self.classifier}
        return {f"{name}.{key}": value for name, part in held.items() for key, value in part.state_dict().items()}

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        """Load what ``state_dict`` gave, each part as it loads its own."""
        self.front.load_state_dict(_below("front", state_dict), *args, **options)
        return self.classifier.load_state_dict(_below("classifier", state_dict), *args, **options)

    @contextmanager
    def attached(self) -> Iterator[nn.Module]:
        """The classifier with the front inside its forward pass, so that it trains, and is attacked, at the inputs.

        Training code sees the module that it built, with the methods that it relies on.
        """

        def through(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
            return (self.front(inputs[0]), *inputs[1:])

        hook = self.classifier.register_forward_pre_hook(through)
        try:
            yield self.classifier
        finally:
            hook.remove()


def _below(name: str, state: Mapping[str, Any]) -> dict[str, Any]:
    prefix = f"{name}."
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
