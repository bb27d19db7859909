"""Exchange two folders: in one step where the system can (Linux, macOS), otherwise by three renames."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # also RENAME_SWAP of macOS
_CANNOT = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}


def exchange(new: Path, old: Path, aside: Path) -> None:
    """Give ``new`` the name of ``old``, and ``old`` the name of ``new``.

    Args:
        new: a folder.
        old: a folder.
        aside: a free name beside them, which ``old`` has for a moment where there is no exchange.

    Raises:
        OSError: the system refuses; both folders keep their names.
    """
    code = _exchange(new, old)
    if code == 0:
        return
    if code not in _CANNOT:
        raise OSError(code, os.strerror(code), str(old))
    old.rename(aside)
    try:
        new.rename(old)
    except BaseException:
        with suppress(OSError):  # otherwise another run has put its folder there
            aside.rename(old)
        raise
    aside.rename(new)


def _exchange(one: Path, other: Path) -> int:
    """Exchange two paths in one step; return the system's error number, or 0."""
    call = _system_call()
    if call is None:
        return errno.ENOSYS
    return 0 if call(os.fsencode(one), os.fsencode(other)) == 0 else ctypes.get_errno()


@cache
def _system_call() -> Callable[[bytes, bytes], int] | None:
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            return lambda one, other: int(library.renamex_np(one, other, _RENAME_EXCHANGE))
        rename = library.renameat2
    except (OSError, AttributeError, TypeError):
        return None
    return lambda one, other: int(rename(_AT_FDCWD, one, _AT_FDCWD, other, _RENAME_EXCHANGE))
