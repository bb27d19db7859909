"""A user's file as a spec names it: its path, and the checksum that results are kept by.

The right checksum is printed where a declared one is missing or wrong, but only for a file that can be read as what it
is declared to be: a spec may name any file of the user who runs it, and a checksum identifies short secrets.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from qaml.errors import DataError
from qaml.files.regular import as_written, read_regular
from qaml.types import Settings

T = TypeVar("T")

MOST_BYTES = (4 << 30) - 1
"""Largest size of a file of data, in bytes; an npz file cannot be larger."""
_SHA256 = re.compile("[0-9a-f]{64}")
CHECKSUM_SCHEMA: dict[str, Any] = {"pattern": f"^{_SHA256.pattern}$"}


def not_a_checksum(found: str, hint: str) -> PydanticCustomError:
    """The error of a text that is no SHA-256."""
    message = f"expected the SHA-256, 64 digits from 0 to f, got {found[:70]!r}"
    return PydanticCustomError("checksum", "{message}", {"message": message, "hint": hint})


def is_checksum(text: str) -> bool:
    """Whether a text has the form of a SHA-256."""
    return _SHA256.fullmatch(text) is not None


def wrong_checksum(path: str, declared: str, found: str) -> DataError:
    """The error of a file or folder that can be read, and is not the declared one."""
    return DataError(
        f"{path}: wrong checksum: declared SHA-256 {declared}, found {found}",
        f"if it is the one you mean, write 'sha256: {found}'",
    )


class PinnedFile(Settings):
    """A file and its checksum."""

    path: str = Field(min_length=1)
    """Path of the file; relative paths start at the current directory."""
    sha256: str = Field(json_schema_extra=CHECKSUM_SCHEMA)
    """SHA-256 of the file's bytes: results depend on the content, not on the name. Where it is missing or wrong, the
    message names the right one."""

    endings: ClassVar[tuple[str, ...]] = ()
    """The endings that the path may have, in lower case."""

    @model_validator(mode="before")
    @classmethod
    def _is_more_than_a_path(cls, given: object) -> object:
        if isinstance(given, str):
            more = cls.hint_about_missing("sha256", {"path": given})
            hint = f"{{path: {given}, {more if more.startswith('sha256: ') else 'sha256: …'}}}"
            raise PydanticCustomError("path_alone", "expected a path and its checksum", {"hint": hint})
        return given

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if self.ending not in self.endings:
            known = ", ".join(self.endings)
            message = f"{self.path}: expected a file that ends in {known}"
            raise PydanticCustomError(
                "ending", "{message}", {"message": message, "hint": _ELSEWHERE.get(self.ending, "")}
            )
        if not is_checksum(self.sha256):
            raise not_a_checksum(self.sha256, self.hint_about_missing("sha256", {"path": self.path}))
        return self

    @property
    def ending(self) -> str:
        """The ending of the path, in lower case."""
        return ending_of(self.path)

    @classmethod
    def look(cls, path: str, content: bytes) -> None:
        """Read the content as far as it can be without a declaration.

        Raises:
            DataError: it is not what the ending says.
        """

    @classmethod
    def hint_about_missing(cls, field: str, given: Mapping[str, Any]) -> str:
        """The checksum of the file that is named, where it can be read as what its ending says."""
        path = given.get("path")
        if field != "sha256" or not isinstance(path, str) or ending_of(path) not in cls.endings:
            return ""
        try:
            content = content_of(path)
            cls.look(path, content)
        except DataError as error:
            return f"it cannot be computed: {error.message}"
        return f"sha256: {hashlib.sha256(content).hexdigest()}"

    def read(self, parse: Callable[[bytes], T]) -> T:
        """What a function makes of the file's bytes.

        Args:
            parse: reads the content, and raises ``DataError`` where it is not what was declared.

        Raises:
            DataError: the file cannot be read, has another checksum, or the function refuses it.
        """
        content = content_of(self.path)
        found = hashlib.sha256(content).hexdigest()
        if found == self.sha256:
            return parse(content)
        try:
            parse(content)
        except DataError as error:
            raise DataError(
                f"{error.message} (and it is not the file that was declared by its checksum)", error.hint
            ) from error
        raise wrong_checksum(self.path, self.sha256, found)


_CONVERT = "save its arrays with numpy.savez (see docs/howto/your-data.md)"
_ELSEWHERE = dict.fromkeys((".pkl", ".pickle", ".pt", ".pth", ".joblib", ".mat", ".h5", ".hdf5"), _CONVERT) | {
    ".xlsx": "save the sheet as CSV",
    ".json": "save it as CSV, or its arrays with numpy.savez",
}


def ending_of(path: str) -> str:
    """The ending of a path, in lower case and with its dot."""
    return Path(path).suffix.lower()


def content_of(path: str) -> bytes:
    """The bytes of a file.

    Raises:
        DataError: there is none, it cannot be read, is no regular file, or is too large.
    """
    try:
        return read_regular(as_written(path), MOST_BYTES)
    except OSError as error:
        hint = "relative paths start at the current directory" if isinstance(error, FileNotFoundError) else ""
        raise DataError(f"{path}: cannot be read: {error.strerror or error}", hint) from error
