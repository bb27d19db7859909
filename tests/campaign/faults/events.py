"""File events of a process: counted, so that something can happen at the n-th one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.utime"}
"""Beside opening a file to write into it. ``os.replace`` is a rename, ``os.unlink`` a removal."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def at_event(number: int, below: Path, happen: Callable[[str], None], *, is_once: bool = True) -> None:
    """From here on, let something happen just before this process changes files.

    Args:
        number: of the event, from 0.
        below: events elsewhere do not count.
        happen: told the event and its path; what it raises is raised by the call that would change the file.
        is_once: or at every event from this one on.
    """
    seen = -1
    inside = str(below)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event != "open" and event not in CHANGES:
            return
        path = _path(arguments[0])
        if path is None or not _counts(event, arguments) or not os.path.abspath(path).startswith(inside):  # noqa: PTH100
            return
        seen += 1
        if seen == number or (seen > number and not is_once):
            happen(f"{event} {os.path.relpath(path, inside)}")

    sys.addaudithook(hook)


def _path(argument: Any) -> str | None:
    if isinstance(argument, (str, os.PathLike)):
        return os.fspath(argument)
    return os.fsdecode(argument) if isinstance(argument, bytes) else None


def _counts(event: str, arguments: tuple[Any, ...]) -> bool:
    return event != "open" or bool((arguments[2] or 0) & WRITING)
