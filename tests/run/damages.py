"""What may become of a file of an artefact, or of the folder around it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any


def flip(path: Path, share: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(share * (len(content) - 1))] ^= 16
    path.write_bytes(content)


def in_its_place(put: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """Something else where the file is."""

    def damage(path: Path) -> None:
        path.unlink()
        put(path)

    return damage


def for_its_folder(put: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """Something else where the artefact is."""

    def damage(path: Path) -> None:
        shutil.rmtree(path.parent)
        put(path.parent)

    return damage


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "first byte": lambda path: flip(path, 0),
    "a byte": lambda path: flip(path, 0.4),
    "last byte": lambda path: flip(path, 1),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\n"),
    "gone": lambda path: path.unlink(),
    "a folder": in_its_place(lambda path: (path / "inside").mkdir(parents=True)),
    "a pipe": in_its_place(os.mkfifo),
    "endless": in_its_place(lambda path: path.symlink_to("/dev/zero")),
    "a loop": in_its_place(lambda path: path.symlink_to(path)),
    "another's": lambda path: shutil.copy(sibling(path), path),
    "folder: another's": for_its_folder(lambda folder: shutil.copytree(sibling_of(folder), folder)),
    "folder: a file": for_its_folder(lambda folder: folder.write_text("in the way")),
    "folder: empty": for_its_folder(lambda folder: folder.mkdir()),
    "folder: unlisted": lambda path: (path.parent / "unlisted").write_text("by whom?"),
}


OF_ANOTHER = frozenset({DAMAGES["another's"], DAMAGES["folder: another's"]})
"""Those that need another artefact beside it, with a file of the same name."""


def sibling(path: Path) -> Path:
    """The file of the same name in another artefact."""
    return sibling_of(path.parent) / path.name


def sibling_of(folder: Path) -> Path:
    return next(each for each in sorted(folder.parents[1].glob("*/*")) if each != folder)
