"""The wrapper around foreign modules, which makes them behave as qaml's own modules do.

They get copies, so no tensor of the caller changes; they may compute in any precision, and logits have that of the
inputs; switches that they change (gradients, the default dtype) are restored after every call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from qaml.errors import PartError
from qaml.models.capabilities import Capability, Randomised, is_randomised, reseed_all
from qaml.process_state import note_change

Layout = Literal["chw", "hwc"]
"""Order of an image's axes: channels, height and width, or channels last."""

OWN = frozenset({"qaml", "torch"})
"""The packages whose modules need no wrapper."""


class _Held(NamedTuple):
    """A floating-point tensor of a module, and the precision that its author gave it."""

    tensor: Tensor
    dtype: torch.dtype

    def convert(self, dtype: torch.dtype) -> None:
        """Convert in place, so that every other reference sees it, too (tied weights, a list of buffers)."""
        self.tensor.data = self.tensor.data.to(dtype)


class Edge(nn.Module):
    """A user's module behind the wrapper.

    ``state_dict`` and ``load_state_dict`` are the module's own, without a prefix. In ``double()`` all its tensors
    follow, plain attributes included; where that is not enough (a tensor made in ``forward``), the module goes on in
    its own precision and only inputs and logits are cast.

    Args:
        module: (batch, *shape) → (batch, n_classes).
        declared: capabilities that its part declares; those that the module lacks are not offered.
        layout: order of an image's axes that the module takes; it is given (channels, height, width) either way.
    """

    _place: Tensor

    def __init__(
        self,
        module: nn.Module,
        declared: frozenset[Capability] = frozenset(),
        layout: Layout = "chw",
    ) -> None:
        super().__init__()
        self.module = module
        self._layout = layout
        self.training = module.training
        self.register_buffer("_place", torch.empty(0, dtype=torch.float32), persistent=False)
        self._declared = declared
        for name in declared - {"is_randomised", "reseed"}:
            if (found := getattr(module, name, None)) is not None:
                # past ``nn.Module.__setattr__``, which would take a module for a child
                self.__dict__[name] = partial(_averaged, found) if name == "averaged" else found
        self._widened: list[_Held] = []
        self._is_double = False
        self._is_single_only = False
        self._takes: dict[bool, torch.dtype] = {}

    def offer(self, name: Capability, capability: Callable[..., Any]) -> None:
        """Offer a capability that is computed from the outside, in place of an attribute of that name."""
        self.__dict__[name] = capability

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, *shape) → logits (batch, n_classes), in the precision of the inputs.

        Raises:
            PartError: the module returns something other than a tensor of real numbers.
        """
        with torch_switches_kept():
            logits = self._answer(inputs)
        if not isinstance(logits, Tensor):
            name = type(self.module).__name__
            raise PartError(f"{name} returned a {type(logits).__name__}, expected a tensor of logits")
        if logits.is_complex():
            raise PartError(f"{type(self.module).__name__} returned complex logits, expected real ones")
        return logits.to(inputs.dtype, copy=True).contiguous()

    def _answer(self, inputs: Tensor) -> Any:
        """The module's output for a copy of the inputs, in a precision that it accepts (found once and remembered)."""
        known = self._takes.get(self._is_double)
        if known is not None:
            return self.module(self._given(inputs, known))
        first: Exception | None = None
        for dtype in self._candidates():
            try:
                answer = self.module(self._given(inputs, dtype))
            except Exception as error:
                first = first or error
            else:
                self._takes[self._is_double] = dtype
                return answer
        assert first is not None, "there is a candidate"
        raise first

    def _given(self, inputs: Tensor, dtype: torch.dtype) -> Tensor:
        """A copy of the inputs as the module takes them."""
        given = inputs.to(dtype, copy=True)
        return given.movedim(1, -1).contiguous() if self._layout == "hwc" else given

    def _candidates(self) -> Iterator[torch.dtype]:
        """Yield precisions to try; a request for the second one means that the first was refused."""
        if self._is_double:
            yield torch.float64
            self._narrow()
            self._is_single_only = True
        yield torch.float32
        own = dict.fromkeys(held.dtype for held in _floating(self.module))
        yield from (dtype for dtype in own if dtype != torch.float32)

    def _widen(self) -> None:
        if self._is_double or self._is_single_only:
            return
        self._widened = list(_floating(self.module))
        for held in self._widened:
            held.convert(torch.float64)
        self._is_double = True

    def _narrow(self) -> None:
        for held in self._widened:
            held.convert(held.dtype)
        self._widened, self._is_double = [], False

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Edge:  # noqa: ARG002
        """``double``, ``float`` and moves between devices, which torch expresses as a function of each tensor."""
        before = self._place
        probe = fn(before)
        if probe.device != before.device:
            self._move(probe.device)
        self._place = probe.to(torch.float32)
        if probe.dtype == torch.float64:
            self._widen()
        elif probe.dtype == torch.float32:
            self._narrow()
        return self

    def _move(self, device: torch.device) -> None:
        self.module.to(device)
        for part in self.module.modules():
            for tensor in _tensors(vars(part), 2):
                tensor.data = tensor.data.to(device)

    def train(self, mode: bool = True) -> Edge:
        """Switch the module by its own ``train`` and ``eval``; their results are ignored."""
        self.training = mode
        with torch_switches_kept():
            if mode:
                self.module.train()
            else:
                self.module.eval()
        return self

    def state_dict(self, *args: Any, **options: Any) -> Any:
        """The module's own."""
        return self.module.state_dict(*args, **options)

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        """The module's own."""
        return self.module.load_state_dict(state_dict, *args, **options)

    def get_submodule(self, target: str) -> nn.Module:
        """Find a submodule by the module's own names, as ``get_parameter`` and ``get_buffer`` do."""
        return self.module.get_submodule(target)

    @property
    def is_randomised(self) -> bool:
        """Whether the part declares it, and the module does not deny it."""
        return "is_randomised" in self._declared and (
            not isinstance(self.module, Randomised) or bool(self.module.is_randomised)
        )

    def reseed(self, seed: int) -> None:
        """Start the module's draws anew, if its part declares any; its own methods are not called otherwise."""
        if "reseed" in self._declared:
            reseed_all(self.module, seed)


def _averaged(average: Callable[[], nn.Module]) -> Edge:
    return Edge(average())


def at_edge(module: nn.Module, declared: frozenset[Capability] = frozenset()) -> nn.Module:
    """A module behind the wrapper, unless all of it is qaml's own."""
    if isinstance(module, Edge):
        return module
    packages = {type(part).__module__.partition(".")[0] for part in module.modules()}
    is_own = type(module).__module__.partition(".")[0] == "qaml" and packages <= OWN
    return module if is_own else Edge(module, declared)


def defended_at_edge(module: nn.Module, classifier: nn.Module, *, randomises: bool) -> nn.Module:
    """A classifier behind another package's defence: it draws if either of them does."""
    draws = randomises or is_randomised(classifier)
    return at_edge(module, frozenset({"is_randomised", "reseed"}) if draws else frozenset())


@contextmanager
def torch_switches_kept() -> Iterator[None]:
    """Restore the gradient mode and the default precision at the end."""
    has_gradients, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    try:
        yield
    finally:
        if torch.is_grad_enabled() != has_gradients:
            torch.set_grad_enabled(has_gradients)
            note_change("gradients")
        if torch.get_default_dtype() != dtype:
            torch.set_default_dtype(dtype)
            note_change("default dtype")


def _floating(module: nn.Module) -> Iterator[_Held]:
    """Parameters, buffers and plain tensor attributes (of lists and dictionaries, too), each once."""
    seen: set[int] = set()
    for part in module.modules():
        # a module's parameters and buffers are dictionaries among its attributes
        for tensor in _tensors(vars(part), 2):
            if tensor.is_floating_point() and id(tensor) not in seen:
                seen.add(id(tensor))
                yield _Held(tensor, tensor.dtype)


def _tensors(value: Any, depth: int) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif depth and isinstance(value, Mapping):
        yield from (tensor for item in list(value.values()) for tensor in _tensors(item, depth - 1))
    elif depth and isinstance(value, list | tuple):
        yield from (tensor for item in value for tensor in _tensors(item, depth - 1))
