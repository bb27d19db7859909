"""A step of somebody else's code, that does what its payload says."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

from qaml.errors import PartError, RunError
from qaml.run.dataset import DataChanged
from qaml.run.job import Job
from qaml.run.store import Damaged

Deed = Literal[
    "nothing", "surroundings", "refuse", "refuse as others do", "exit", "leave", "abort", "segfault", "be killed",
    "interrupt", "run out of memory", "recurse", "break json", "crash", "find damage", "spoil", "print", "sleep",
]  # fmt: skip

TOUCHED: list[str] = []


class TheirError(RunError):
    def __init__(self, one: str, other: str, third: int) -> None:
        super().__init__(one, other)
        self.third = third


def execute(job: Job) -> None:
    TOUCHED.append("by a step")
    deed: Deed = job.payload["deed"]
    _DEEDS[deed](job)


def _surroundings(job: Job) -> None:
    import torch

    job.progress(0.5, "half")
    found = {
        "variable": os.environ.get("A_VARIABLE"),
        "folder": str(Path.cwd()),
        "path": sys.path,
        "seed": job.seed,
        "threads": torch.get_num_threads(),
        "checkpoint": str(job.checkpoint),
        "pid": os.getpid(),
    }
    (job.output / "found.json").write_text(json.dumps(found))


def _raise(error: BaseException) -> None:
    raise error


def _crash(_: Job) -> None:
    raise ZeroDivisionError("no")


def _segfault(_: Job) -> None:
    ctypes.string_at(0)


def _recurse(job: Job) -> None:
    _recurse(job)


def _break_json(_: Job) -> None:
    json.dumps = None  # type: ignore[assignment]
    raise ZeroDivisionError("no")


def _find_damage(job: Job) -> None:
    raise (DataChanged if job.payload["is_data"] else Damaged)("a key", "what", "so")


def _spoil(_: Job) -> None:
    import torch

    os.chdir("/")
    os.environ["A_VARIABLE"] = "spoilt"
    torch.set_grad_enabled(False)
    torch.relu = None  # type: ignore[assignment]
    torch.set_num_threads(2)


def _print(_: Job) -> None:
    sys.stdout.write("from Python\n")
    os.write(2, b"from below\n")


def _sleep(job: Job) -> None:
    started = subprocess.Popen(["sleep", "60"])
    (job.output / "pids.json").write_text(json.dumps([os.getpid(), started.pid]))
    job.progress(0.5, "")
    time.sleep(60)


_DEEDS: dict[Deed, Any] = {
    "nothing": lambda _: None,
    "surroundings": _surroundings,
    "refuse": lambda _: _raise(PartError("refused", "ask differently")),
    "refuse as others do": lambda _: _raise(TheirError("their own kind", "of error", 3)),
    "exit": lambda _: sys.exit(3),
    "leave": lambda _: os._exit(7),
    "abort": lambda _: os.abort(),
    "segfault": _segfault,
    "be killed": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "interrupt": lambda _: _raise(KeyboardInterrupt()),
    "run out of memory": lambda _: bytearray(1 << 60),
    "recurse": _recurse,
    "break json": _break_json,
    "crash": _crash,
    "find damage": _find_damage,
    "spoil": _spoil,
    "print": _print,
    "sleep": _sleep,
}
