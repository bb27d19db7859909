"""The images in a folder: their paths in a fixed order, their labels, and the digest that pins them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from qaml.data.paste import listed
from qaml.errors import DataError

ENDINGS: Final = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
MOST_IMAGES: Final = 1_000_000
_LEFT_BY_SYSTEMS: Final = frozenset({"thumbs.db", "desktop.ini"})


class Entry(NamedTuple):
    """One image.

    Attributes:
        name: path below the folder, with slashes.
        label: number of its class.
        group: the folder above that of the class, or empty.
    """

    name: str
    label: int
    group: str


def entries(folder: str, root: Path, groups: Sequence[str], classes: Sequence[str]) -> list[Entry]:
    """All images below a folder, ordered by the bytes of their paths.

    Args:
        folder: the folder as it is declared, for messages.
        root: the folder.
        groups: the folders between it and those of the classes; empty where there are none.
        classes: names of the folders of the classes, in label order.

    Raises:
        DataError: there are other classes, something is no image, or there are too many.
    """
    found: list[Entry] = []
    for group in groups or ("",):
        above = f"{folder}/{group}" if group else folder
        _check_classes(above, [each.name for each in _below(above, root / group) if each.is_dir()], classes, group)
        for label, name in enumerate(classes):
            inside = _images(f"{above}/{name}", root / group / name)
            found += [Entry("/".join(filter(None, (group, name, file))), label, group) for file in inside]
            if len(found) > MOST_IMAGES:
                raise DataError(f"{folder}: too many images, expected at most {MOST_IMAGES:,}")
    return sorted(found, key=lambda entry: os.fsencode(entry.name))


def class_folders(folder: str, root: Path) -> list[str]:
    """The names of the folders in a folder.

    Raises:
        DataError: there is no such folder.
    """
    return sorted(each.name for each in _below(folder, root) if each.is_dir())


def digest(contents: Iterable[tuple[str, str]]) -> str:
    """SHA-256 of lines as ``sha256sum`` writes them: a file's SHA-256, two blanks, its path; ordered as entries."""
    whole = hashlib.sha256()
    for name, sha256 in contents:
        whole.update(f"{sha256}  {name}\n".encode())
    return whole.hexdigest()


def _check_classes(folder: str, found: Sequence[str], declared: Sequence[str], group: str) -> None:
    if set(found) == set(declared):
        return
    hint = f"write 'classes: [{listed(sorted(found))}]', or move what is none" if len(found) > 1 else ""
    if not group and {"train", "test"} <= set(found):
        hint = "leave 'split' out where 'train' and 'test' hold the folders of the classes"
    raise DataError(
        f"{folder}: folders are {listed(sorted(found)) or 'none'}, declared 'classes: [{listed(declared)}]'", hint
    )


def _images(folder: str, path: Path) -> Iterator[str]:
    for each in _below(folder, path):
        place = f"{folder}/{each.name}"
        if each.is_dir():
            raise DataError(f"{place}: a folder among the images of a class", "images lie directly in it: move them")
        if not each.name.lower().endswith(ENDINGS):
            raise DataError(f"{place}: no image by its name", f"move it elsewhere; endings: {', '.join(ENDINGS)}")
        if not each.name.isprintable() or "\\" in each.name:
            raise DataError(f"{folder}: a file is called {each.name!r}", "expected printable characters, no backslash")
        yield each.name


def _below(folder: str, path: Path) -> Iterator[os.DirEntry[str]]:
    """What is in a folder, but for hidden files and those that systems leave there."""
    try:
        with os.scandir(path) as inside:
            for each in inside:
                if each.name.startswith(".") or each.name.lower() in _LEFT_BY_SYSTEMS:
                    continue
                if each.is_symlink():
                    raise DataError(f"{folder}/{each.name}: a link", "links may lead anywhere: put a copy there")
                yield each
    except OSError as error:
        hint = "relative paths start at the current directory" if isinstance(error, FileNotFoundError) else ""
        raise DataError(f"{folder}: cannot be read: {error.strerror or error}", hint) from error
    except ValueError as error:  # a NUL byte
        raise DataError(f"{folder!r}: cannot be a path") from error
