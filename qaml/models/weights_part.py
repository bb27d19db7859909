"""The declaration of trained weights in a user's file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from qaml.errors import PartError
from qaml.files.regular import as_written, open_regular, read_declared
from qaml.types import Settings

Shape: TypeAlias = tuple[int, ...]

OTHER_FORMATS = frozenset({".pt", ".pth", ".bin", ".ckpt", ".npz"})
"""Endings of files of weights that ``qaml weights convert`` reads."""
MOST_BYTES = 8 << 30
"""Largest size of a file of weights, in bytes."""
MOST_HEADER = 1 << 20
"""Largest size of the description of a file's arrays that is read before it is needed, in bytes."""


class Weights(Settings):
    """Trained weights in a user's file."""

    path: str = Field(min_length=1)
    """Path of a safetensors file with the module's state dictionary; relative paths start at the current directory."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Checksum of the file: results depend on the file's content, not on its name."""

    @model_validator(mode="before")
    @classmethod
    def _convert_first(cls, value: Any) -> Any:
        """Say how to convert files of other formats, before a missing checksum is noticed."""
        path = value.get("path") if isinstance(value, dict) else value
        if not isinstance(path, str):
            return value
        name = PurePath(path)
        if name.suffix.lower() in OTHER_FORMATS:
            hint = (
                f"'qaml weights convert {path} {name.with_suffix('.safetensors')}' makes one, runs none of its code "
                "and prints the lines for the spec"
            )
            raise PydanticCustomError(
                "weights", "expected a safetensors file, got {path}", {"path": repr(path), "hint": hint}
            )
        if path is value:
            hint = f"write {{path: {path}, sha256: …}}; 'sha256sum {path}' prints the checksum"
            raise PydanticCustomError(
                "weights", "expected a mapping with path and sha256, got {path}", {"path": repr(path), "hint": hint}
            )
        return value


def verified(weights: Weights) -> bytes:
    """The content of the weights' file.

    Raises:
        PartError: the file cannot be read or differs from its declaration.
    """
    path = as_written(weights.path)
    try:
        content = read_declared(path, weights.sha256, MOST_BYTES)
    except OSError as error:
        raise PartError(
            f"cannot read weights {weights.path!r}: {error.strerror or error}", f"expected a file at {path.absolute()}"
        ) from error
    if content is None:
        # the checksum stays secret: the spec may name any file of the user who runs it
        raise PartError(
            f"weights {weights.path!r} are not the file that was named: expected SHA-256 {weights.sha256}",
            "if the file is the one you mean, write its checksum ('sha256sum') into the spec",
        )
    return content


def shapes_in(weights: Weights) -> Mapping[str, Shape] | None:
    """The shapes of the arrays in the file, by name, from its first bytes; ``None`` where these are not to be had."""
    try:
        with open_regular(as_written(weights.path)) as file:
            size = int.from_bytes(file.read(8), "little")
            if size > MOST_HEADER:
                return None
            header = json.loads(file.read(size))
        return {name: tuple(map(int, held["shape"])) for name, held in header.items() if name != "__metadata__"}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
