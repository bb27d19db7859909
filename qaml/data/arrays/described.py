"""The declaration that a user's file would need, for the message about a missing one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from pydantic import ValidationError

from qaml.data.arrays.examples import bounds_words, class_words, shape_words
from qaml.data.arrays.formats import Role, Wanted, as_values, read, read_array
from qaml.data.arrays.part import ArrayFile, ExampleFile
from qaml.data.pinned import content_of
from qaml.errors import DataError
from qaml.files.npz import NUMBERS
from qaml.files.regular import as_written

_ANY = "0" * 64
"""A checksum that is not looked at."""


def described(given: Mapping[str, Any]) -> dict[str, str]:
    """Field → what to write, as far as the file of a dataset shows, or why it does not; empty where there is none."""
    split = given.get("split")
    column = split.get("column") if isinstance(split, Mapping) else None
    try:
        file = ExampleFile.model_validate_json(_with_checksums(given.get("file")))
        state = as_written(file.path).stat()
        role: Role = "train" if split is None else "all"
        wanted = column if isinstance(column, str | int) else None
        return dict(_described(file, wanted, role, (state.st_mtime_ns, state.st_size)))
    except (ValidationError, OSError):
        return {}
    except DataError as error:
        return dict.fromkeys(("shape", "classes", "bounds"), "; ".join(filter(None, (error.message, error.hint))))


def _with_checksums(file: object) -> str:
    inside = dict(file) if isinstance(file, Mapping) else {}
    if isinstance(inside.get("labels"), Mapping):
        inside["labels"] = {**inside["labels"], "sha256": _ANY}
    return json.dumps({**inside, "sha256": _ANY})


@lru_cache(maxsize=2)
def _described(
    file: ExampleFile,
    column: str | int | None,
    role: Role,
    state: tuple[int, int],  # noqa: ARG001  part of the cache's key
) -> tuple[tuple[str, str], ...]:
    outside = file.labels if isinstance(file.labels, ArrayFile) else None
    label = None if isinstance(file.labels, ArrayFile) else file.labels
    found = read(file.path, content_of(file.path), Wanted(file.inputs, label, column, role, has_labels=outside is None))
    labels = found.labels
    if outside is not None:
        labels = as_values(outside.path, "labels", read_array(outside.path, content_of(outside.path)))
    words = [("shape", shape_words(found.inputs.shape[1:])), ("classes", class_words(labels))]
    if found.inputs.size and found.inputs.dtype.kind in NUMBERS:
        single = found.inputs.astype(np.float32)
        words.append(("bounds", f"{bounds_words(single.min(), single.max())}, or what these numbers can be at most"))
    return tuple((field, f"found in {file.path}: {text}") for field, text in words if text)
