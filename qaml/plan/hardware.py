"""The processor that computes: results of two of them agree to about seven digits, and not to the last bit.

Libraries choose their kernels by what the processor can do (AVX2, AVX-512 …), and sums round differently.
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
        model: its name.
        features: the beginning of a SHA-256 of what it can do.
    """

    model: str
    features: str

    def in_words(self) -> dict[str, str]:
        """For an artefact's provenance, with the kernels that torch chose, where it is at work."""
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
    """What computes on this device, as it enters keys where results of other hardware are other results.

    Args:
        device: ``cpu`` or ``cuda``.
    """
    named = f"{processor().model} {processor().features}"
    if device != "cuda":
        return named
    gpus = (_first_block(path).get("Model", "") for path in sorted(_GPUS.glob("*/information")))
    return " ".join([named, *gpus])


def _first_block(path: Path) -> dict[str, str]:
    """``name: value`` lines up to the first empty one."""
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
