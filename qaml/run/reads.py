"""What code of other packages reads while it runs: files, imported modules and environment variables.

A key covers what is declared and what the sources show; this module notes what was read beyond that. Files that
libraries open in compiled code (HDF5, Arrow) are not seen.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from qaml.plan.environment import VARIABLE, state_of
from qaml.run.store import file_state
from qaml.run.surroundings import ONE_THREAD

MOST_FILES = 200
"""With more files than this, such as a folder of photographs, none is noted: the arrays made from them identify it."""
MOST_VARIABLES = 50
"""With more variables than this, as when the whole environment is copied, none is noted."""
SYSTEM = ("/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sys", "/usr/lib", "/usr/share")


class Reads(NamedTuple):
    """What was read in a block.

    Attributes:
        files: absolute paths of files that were opened for reading.
        variables: environment variables that were looked up, with their state at that time.
        written: absolute paths of files that were opened for writing; files that code writes itself are not sources.
    """

    files: set[str]
    variables: dict[str, str]
    written: set[str]


class _Watch:
    """An audit hook, which Python cannot remove; it notes files while ``reads`` is set."""

    def __init__(self) -> None:
        self.reads: Reads | None = None

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.reads is None or event != "open":
            return
        path, _, flags = arguments
        if isinstance(path, str | bytes) and isinstance(flags, int):
            is_read = flags & os.O_ACCMODE == os.O_RDONLY
            (self.reads.files if is_read else self.reads.written).add(str(Path(os.fsdecode(path)).absolute()))


@cache
def _watch() -> _Watch:
    watch = _Watch()
    sys.addaudithook(watch.hook)
    return watch


@contextmanager
def watching(*, is_on: bool = True) -> Iterator[Reads]:
    """Collect what this process reads in the block.

    Args:
        is_on: whether to collect; otherwise reads of the block are left out, as they are noted elsewhere.
    """
    found = Reads(set(), {}, set())
    watch = _watch()
    before, watch.reads = watch.reads, found if is_on else None
    try:
        with _asked_for(watch):
            yield found
    finally:
        watch.reads = before


@contextmanager
def _asked_for(watch: _Watch) -> Iterator[None]:
    """Note the environment variables that code outside Python, libraries and qaml looks up.

    Every look-up encodes the name first, and this function replaces the encoder.
    """
    environment: Any = os.environ
    encode = environment.encodekey
    reads = watch.reads
    asked = reads.variables if reads is not None else {}

    def noting(name: Any) -> Any:
        if (
            reads is not None
            and watch.reads is reads
            and isinstance(name, str)
            and name not in asked
            and _is_asked_by_others()
        ):
            asked[name] = ""  # the next line looks it up again
            asked[name] = state_of(VARIABLE + name)
        return encode(name)

    environment.encodekey = noting
    try:
        yield
    finally:
        environment.encodekey = encode


def _is_asked_by_others() -> bool:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__") in ("os", "collections.abc", "_collections_abc"):
        frame = frame.f_back
    name = frame.f_code.co_filename if frame is not None else "<none>"
    return not name.startswith("<") and not _is_known(Path(name).absolute())


def states(found: Reads, *besides: Path | str) -> Mapping[str, str]:
    """Files that were read and belong to neither Python, an installed library nor qaml, and variables; with states.

    Args:
        found: what was read in a block.
        besides: files that are noted elsewhere, and folders whose files are left out.
    """
    folders = [Path(folder).absolute() for folder in besides]
    files = [Path(path) for path in sorted({_source(name) for name in found.files - found.written})]
    files = [each for each in files if not _is_known(each) and not any(each.is_relative_to(f) for f in folders)]
    stated: dict[str, str] = {}
    for file in files if len(files) <= MOST_FILES else ():
        with suppress(OSError):
            if file.is_file():
                stated[str(file)] = file_state(file)
    variables = found.variables if len(found.variables) <= MOST_VARIABLES else {}
    variables = {name: state for name, state in variables.items() if name not in ONE_THREAD}  # the same in every step
    return stated | {VARIABLE + name: state for name, state in variables.items()}


def _is_known(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in _installed())


@cache
def _installed() -> tuple[str, ...]:
    import qaml

    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return (*SYSTEM, *sorted(paths), f"{sys.prefix}/lib", f"{sys.prefix}/share", str(Path(qaml.__file__).parent))


def _source(path: str) -> str:
    """The path of a compiled module's source; other paths unchanged."""
    try:
        return importlib.util.source_from_cache(path)
    except (ValueError, NotImplementedError):
        return path
