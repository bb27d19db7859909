"""A step that does what its payload says; tests put it in the place of the real ones."""

from __future__ import annotations

import errno
import os
import shutil
import time
import warnings

from qaml.errors import RunError
from qaml.plan.role import Role
from qaml.run.job import Job

RAN: list[str] = []
"""The names of the steps that ran, in order."""
MISSING: dict[Role, str] = {}
"""What the last one was not given, and why."""


class TimedOut(BaseException):
    """What pytest-timeout raises wherever the main thread is, and no ``except Exception`` catches."""


def execute(job: Job) -> None:
    """Read the parents, then do what is asked."""
    name: str = job.payload["name"]
    RAN.append(name)
    MISSING.clear()
    MISSING.update(job.missing)
    for role in job.parents:
        path = job.read(role, job.payload.get("reads", "result"))
        if job.payload.get("does") == "open":
            path.read_text()
    time.sleep(job.payload.get("seconds", 0))
    match job.payload.get("does"):
        case "refuse":
            raise RunError("refused", "ask differently")
        case "fill the disk" | "miss a file":
            number = job.payload.get("errno", errno.ENOSPC)
            raise OSError(number, os.strerror(number), job.payload.get("file"))
        case "take all memory":
            raise MemoryError
        case "time out":
            raise TimedOut
        case "crash":
            raise ZeroDivisionError("no")
        case "lose" if RAN.count(name) == 1:
            shutil.rmtree(job.output)
        case "warn":
            warnings.warn("a library is worried", RuntimeWarning, stacklevel=1)
            warnings.warn("a library is getting old", DeprecationWarning, stacklevel=1)
    (job.output / "result").write_text(name)
