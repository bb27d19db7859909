"""Seeds of named random streams, and library code that draws from a seeded generator instead of the global one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qaml.models.capabilities import is_randomised, reseed_all
from qaml.types import Module

if TYPE_CHECKING:
    import torch


def derive_seed(seed: int, stream: str, counter: int = 0) -> int:
    """The seed of one use of one stream, 0 … 2⁶³ − 1; a pure function, so that a resumed run finds the same draws."""
    digest = hashlib.sha256(f"{seed}/{stream}/{counter}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Seed torch's global generator inside the block and restore its state after it.

    Weight initialisers and dropout take no generator of their own. Only the CPU's generator and that of ``device`` are
    touched: ``torch.manual_seed`` would reseed every accelerator of the machine.
    """
    import torch

    on_cuda = device is not None and device.type == "cuda"
    index = (device.index or 0) if device is not None else 0
    with torch.random.fork_rng(devices=[index] if on_cuda else []):
        torch.default_generator.manual_seed(seed)
        if on_cuda:
            torch.cuda.default_generators[index].manual_seed(seed)
        yield


def reseed(module: Module, seed: int) -> None:
    """Start the draws of a randomised module anew; a deterministic module is not changed."""
    if is_randomised(module):
        reseed_all(module, seed)
