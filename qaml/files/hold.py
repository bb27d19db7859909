"""A lock on a folder itself, which the system releases when its process dies; no file is left behind."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

if sys.platform != "win32":
    import fcntl

Hold = Literal["held", "busy", "unknown"]
_PAUSE = 0.02


@contextmanager
def hold(folder: Path, patience: float = 0.0) -> Iterator[Hold]:
    """Lock a folder: ``held``, ``busy`` after ``patience`` seconds of another's lock, ``unknown`` without locks.

    Raises:
        OSError: there are no descriptors left.
    """
    state, descriptor = _take(folder, time.monotonic() + patience)
    try:
        yield state
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _take(folder: Path, deadline: float) -> tuple[Hold, int]:
    while True:
        try:
            return "held", _locked(folder)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return "busy", -1
            time.sleep(_PAUSE)
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise
            return "unknown", -1


def _locked(folder: Path) -> int:
    """A descriptor with the lock of the folder that has this name now.

    Raises:
        BlockingIOError: another process holds it, or the name belongs to another folder by now.
        OSError: there are no locks, or there is no folder.
    """
    if sys.platform == "win32":
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(descriptor), folder.stat()):
            raise BlockingIOError
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
