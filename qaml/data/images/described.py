"""The declaration that a user's folder of images would need, for the message about a missing one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qaml.data.images.tree import Entry, class_folders, entries
from qaml.data.paste import listed
from qaml.errors import DataError
from qaml.files.regular import as_written


def described(given: Mapping[str, Any], field: str) -> str:
    """What to write for a field, as far as the folder shows; empty where it cannot be read, but for the digest."""
    folder = given.get("folder")
    if not isinstance(folder, str) or not folder:
        return ""
    try:
        return _described(folder, given, field)
    except DataError as error:
        return f"it cannot be computed: {error.message}" if field == "sha256" else ""


def _described(folder: str, given: Mapping[str, Any], field: str) -> str:
    from qaml.data.images.pictures import digest_of, first_look

    groups = () if given.get("split") is not None else (given.get("train", "train"), given.get("test", "test"))
    above = f"{folder}/{groups[0]}" if groups else folder
    classes = class_folders(above, as_written(above))
    if field == "classes":
        return f"found in {above}: classes: [{listed(classes)}]" if len(classes) > 1 else ""
    found: list[Entry] = entries(folder, as_written(folder), groups, classes)
    if not found:
        return ""
    if field == "sha256":
        return f"sha256: {digest_of(folder, found)}"
    height, width, colour = first_look(folder, found[0])
    words = f"size: [{height}, {width}]" if field == "size" else f"colour: {colour}"
    return f"found in {folder}/{found[0].name}: {words}"
