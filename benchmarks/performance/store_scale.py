"""A store of 100,000 artefacts: processor seconds to plan in it, to say how large it is, and to delete half of it.

Each is what a command takes above the same command on an empty store. Every artefact has a manifest as runs write it.
"""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from tempfile import TemporaryDirectory
from typing import Any

from qaml.run.manifest import MANIFEST, FileEntry, Manifest
from qaml.run.prune import prune
from qaml.run.store import Store
from qaml.run.usage import usage

SPEC = Path(__file__).parents[2] / "specs" / "kehoe2021.yaml"
N, FEWER = 100_000, 10_000
MOST = {"plan": 1.0, "size": 5.0, "prune of half": 20.0}
MOST_EXPONENT = 1.1
CONTENTS = {"weights.safetensors": b"w" * 2000, "history.json": b"[1]"}
FILES = {name: FileEntry(hashlib.sha256(content).hexdigest(), len(content)) for name, content in CONTENTS.items()}


def fill(store: Store, n: int) -> None:
    """Artefacts as runs leave them, without waiting for the disk."""
    for number in range(n):
        key = digest(f"artefact {number}")
        folder = store.path_of(key)
        os.makedirs(folder)  # noqa: PTH103
        made = {"kind": ("train", "attack", "evaluate")[number % 3], "title": f"step {number}", "code": digest("code")}
        parents = {f"role {each}": digest(f"parent {number} {each}") for each in range(4)}
        versions = {f"library-{each}": "1.2.3" for each in range(8)}
        manifest = Manifest(key, "made", FILES, {}, made | {"parents": parents, "versions": versions})
        for name, content in (*CONTENTS.items(), (MANIFEST, manifest.to_bytes())):
            Path(f"{folder}/{name}").write_bytes(content)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def seconds_of(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def plan_seconds(folder: Path) -> float:
    before = getrusage(RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "qaml.cli", "plan", str(SPEC), "--store", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measured(n: int) -> dict[str, float]:
    with TemporaryDirectory() as name:
        root = Path(name)
        store = Store(root / "store")
        fill(store, n)
        keep = frozenset(store.keys()[::2])
        plan = sorted(plan_seconds(store.root) - plan_seconds(root / "empty") for _ in range(3))[1]
        size = seconds_of(lambda: usage(store))
        return {"plan": plan, "size": size, "prune of half": seconds_of(lambda: prune(store, keep=keep))}


def rows() -> list[dict[str, Any]]:
    """A store, and a smaller one to see how the seconds grow."""
    few, many = measured(FEWER), measured(N)
    found = [row(name, "s of a processor", many[name], bar) for name, bar in MOST.items()]
    for name in ("size", "prune of half"):
        exponent = math.log(many[name] / few[name]) / math.log(N / FEWER)
        found.append(row(f"growth of {name}", "exponent", exponent, MOST_EXPONENT))
    return found


def row(name: str, unit: str, value: float, bar: float) -> dict[str, Any]:
    named = {"name": f"store of {N:,} artefacts, {name}", "value": value, "unit": unit, "peer": "—", "ratio": None}
    return named | {"bar": bar, "holds": value <= bar}
