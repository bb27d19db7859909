"""The files that belong to qaml: ``qaml-files.json`` in a folder names them, and no other file is touched.

In a report the list has an imprint, too: digests of what the report was made from and of its files.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from qaml.files.checksum import seal, unseal
from qaml.files.regular import digest_regular, read_regular

LIST = "qaml-files.json"
OUTCOMES = "outcomes.json"
PACKED = "outcomes.json.xz"
"""Name of the outcomes' file in a report that is packed for a repository."""
MOST_MEDIUM = 64 << 20
"""Largest size of a picture beside the outcomes, in bytes."""
_MOST_LIST = 16 << 20
_CONTENT = "content"
"""Name of the imprint's digest of files."""
_NO_LIST = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL, errno.EFBIG}
_FORMER = re.compile(
    r"(index|glossary)\.html|summary\.md|claims\.csv|outcomes\.json|static/report\.css"
    r"|(claims|models|attacks)/[^/]+/[^/]+\.html|media/[0-9a-f]{16}-[^/]+"
)
"""Names in a report without a list, which former versions of qaml did not write."""
_FORMER_FOLDERS = ("static", "claims", "models", "attacks", "media")


def files(folder: Path) -> set[str]:
    """Every file and link below a folder, relative to it."""
    return {name for name in walk(folder) if not name.endswith("/")}


def walk(folder: Path, below: str = "") -> Iterator[str]:
    """Every file and link below a folder, relative to it, and every empty folder with ``/`` at its end."""
    with os.scandir(folder / below) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    if below and not found:
        yield below
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from walk(folder, f"{below}{entry.name}/")
        else:
            yield f"{below}{entry.name}"


def ours(folder: Path) -> set[str]:
    """The files in a folder that qaml has written, as far as they are there and below no symbolic link."""
    names = listed(folder)
    if names is None:
        names = set(_former(folder)) if (folder / OUTCOMES).is_file() else set()
    parents = {str(PurePosixPath(name).parent) for name in names}
    real = {parent for parent in parents if (folder / parent).resolve() == folder / parent}
    here = {name for name in names if str(PurePosixPath(name).parent) in real and _is_file(folder / name)}
    return here | ({LIST} if _is_file(folder / LIST) else set())


def _former(folder: Path) -> Iterator[str]:
    yield from (path.name for path in folder.iterdir() if _FORMER.fullmatch(path.name))
    for inner in _FORMER_FOLDERS:
        with suppress(OSError):
            yield from (name for name in walk(folder, f"{inner}/") if _FORMER.fullmatch(name))


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def listed(folder: Path) -> set[str] | None:
    """The names in a folder's list; ``None`` where there is none, or it is damaged.

    Raises:
        OSError: the list cannot be read now, so that the owner of the files is unknown.
    """
    try:
        return {name for name in _list(folder)["files"] if is_inside(name)}
    except OSError as error:
        if error.errno not in _NO_LIST:
            raise
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    return None


def imprint(folder: Path) -> dict[str, str]:
    """The imprint in a folder's list, if all listed files are what they were; empty otherwise."""
    try:
        content = _list(folder)
        marks, names = dict(content["imprint"]), list(content["files"])
        is_whole = all(map(is_inside, names)) and marks.pop(_CONTENT) == _digest(folder, names)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return marks if is_whole else {}


def _list(folder: Path) -> Any:
    """The content of a folder's list.

    Raises:
        OSError: there is none, or it cannot be read.
        ValueError: it is damaged.
    """
    content, is_sealed = unseal(read_regular(folder / LIST, _MOST_LIST))
    if not is_sealed:
        raise ValueError(f"{LIST} has no checksum")
    return json.loads(content)


def _digest(folder: Path, names: Iterable[str]) -> str:
    """SHA-256 over the names and the contents of files."""
    lines = (f"{digest_regular(folder / name, sys.maxsize)} {name}\n" for name in sorted(names))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def is_inside(name: str) -> bool:
    """Whether a relative name stays in its folder."""
    parts = PurePosixPath(name).parts
    return bool(parts) and ".." not in parts and not name.startswith("/") and "\0" not in name


def list_of(names: Iterable[str]) -> str:
    """The text of a list of files."""
    return _text({"files": sorted({*names} - {LIST})})


def printed(folder: Path, marks: Mapping[str, str]) -> str:
    """The text of a list of all files in a new folder, with its imprint if it gets one."""
    names = sorted(files(folder) - {LIST})
    return _text(
        {"files": names, "imprint": {**marks, _CONTENT: _digest(folder, names)}} if marks else {"files": names}
    )


def _text(content: Mapping[str, Any]) -> str:
    return seal(json.dumps(content, indent=0) + "\n")


def delete(folder: Path, names: Iterable[str]) -> None:
    """Delete files of a folder, and its inner folders that are empty then."""
    parents: set[PurePosixPath] = set()
    for name in names:
        (folder / name).unlink(missing_ok=True)
        parents.update(PurePosixPath(name).parents[:-1])
    for parent in sorted(parents, reverse=True):
        with suppress(OSError):
            (folder / parent).rmdir()
