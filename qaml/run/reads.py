"""Which files the code of others reads, as Python tells it: data, weights, tables, and modules imported by any name.

A key knows what is declared and what can be seen in sources; this is what was read beside it. Libraries that open files
in compiled code (HDF5, Arrow) are not seen.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from qaml.run.store import file_state

MOST = 200
"""Files that are noted, at most: a folder of photographs is known by the arrays that are made of it."""
SYSTEM = ("/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sys", "/usr/lib", "/usr/share")


class _Watch:
    """An audit hook, which Python cannot remove; it listens while there is a list."""

    def __init__(self) -> None:
        self.opened: set[str] | None = None

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.opened is None or event != "open":
            return
        path, _, flags = arguments
        if isinstance(path, str | bytes) and isinstance(flags, int) and flags & os.O_ACCMODE == os.O_RDONLY:
            self.opened.add(str(Path(os.fsdecode(path)).absolute()))


@cache
def _watch() -> _Watch:
    watch = _Watch()
    sys.addaudithook(watch.hook)
    return watch


@contextmanager
def watching(*, is_on: bool = True) -> Iterator[set[str]]:
    """Collect the absolute paths of files that are opened for reading in the block.

    Args:
        is_on: or leave them out, where they are accounted for elsewhere.
    """
    opened: set[str] = set()
    watch = _watch()
    before, watch.opened = watch.opened, opened if is_on else None
    try:
        yield opened
    finally:
        watch.opened = before


def states(opened: set[str], *besides: Path) -> dict[str, str]:
    """Path → state of the files that belong to neither Python, an installed library nor qaml.

    Args:
        opened: absolute paths.
        besides: folders that are left out, too.

    Returns:
        Nothing at all where there are more than 200.
    """
    roots = (*SYSTEM, *_installed(), *(str(folder.absolute()) for folder in besides))
    found: dict[str, str] = {}
    for path in sorted({_source(name) for name in opened}):
        if len(found) == MOST:
            return {}
        file = Path(path)
        if not any(file.is_relative_to(root) for root in roots) and file.is_file():
            with suppress(OSError):
                found[path] = file_state(file)
    return found


@cache
def _installed() -> tuple[str, ...]:
    import qaml

    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return (*sorted(paths), f"{sys.prefix}/lib", f"{sys.prefix}/share", str(Path(qaml.__file__).parent))


def _source(path: str) -> str:
    """The source of a compiled module, other files as they are."""
    try:
        return importlib.util.source_from_cache(path)
    except (ValueError, NotImplementedError):
        return path
