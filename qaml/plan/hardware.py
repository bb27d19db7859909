"""The processor: results of two processors agree to about seven digits, and not to the last bit.

Libraries choose their kernels by the instructions of the processor (AVX2, AVX-512 …), and sums round differently.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

_CPU = Path("/proc/cpuinfo")
_GPUS = Path("/proc/driver/nvidia/gpus")
_MODEL = ("model name", "cpu model", "Processor", "uarch", "CPU part")
_FEATURES = ("flags", "Features", "isa", "CPU implementer", "CPU part", "CPU variant")


class Processor(NamedTuple):
    """A processor as far as results depend on it.

    Attributes:
        model: name of the processor.
        features: first 12 characters of a SHA-256 of its features.
    """

    model: str
    features: str

    def in_words(self) -> dict[str, str]:
        """The fields for an artefact's provenance, with the kernels that torch has chosen, if it is imported."""
        torch = sys.modules.get("torch")
        chosen = {} if torch is None else {"kernels": str(torch.backends.cpu.get_cpu_capability())}
        return {**self._asdict(), **chosen}


@cache
def processor() -> Processor:
    """The processor of this machine."""
    known = _first_block(_CPU)
    model = next((known[name] for name in _MODEL if known.get(name)), "") or platform.processor() or platform.machine()
    can = " ".join(" ".join(sorted(known.get(name, "").split())) for name in _FEATURES) or model
    return Processor(" ".join(model.split()), hashlib.sha256(can.encode()).hexdigest()[:12])


def hardware(device: str) -> str:
    """The name of the processor, and with CUDA of the GPUs, for keys that separate results by hardware.

    Args:
        device: ``cpu`` or ``cuda``.
    """
    named = f"{processor().model} {processor().features}"
    if device != "cuda":
        return named
    gpus = (_first_block(path).get("Model", "") for path in sorted(_GPUS.glob("*/information")))
    return " ".join([named, *gpus])


def _first_block(path: Path) -> dict[str, str]:
    """The ``name: value`` lines of a file up to the first empty line; empty if it cannot be read."""
    found: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                name, colon, value = line.partition(":")
                if not colon and found:
                    break
                found[name.strip()] = value.strip()
    except OSError:
        return found
    return found
