"""Files of former versions: one function a version makes a file of the next version of it.

A format has whole numbers as versions, in the field ``schema_version``. Everything that reads outcomes, a baseline or
an earlier run uses ``current``, which returns the file as today's qaml would write it (``docs/formats.md``).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from qaml.files.checksum import Unsealed, unseal
from qaml.outcome.record import check_size

Fields = dict[str, Any]
_UNSEALED = 1
"""The version of every format that had no checksum."""


class Format(NamedTuple):
    """A kind of file, with its versions.

    Attributes:
        upgrades: functions for version 1, 2 and so on, each to the next one; the last makes today's version.
    """

    upgrades: tuple[Callable[[Fields], Fields], ...]

    @property
    def version(self) -> int:
        """The version that is written."""
        return len(self.upgrades) + 1


class VersionError(ValueError):
    """A file is of a version that this qaml does not know."""


class _Head(BaseModel):
    """The fields of a file of any version; earlier runs of version 1 name none."""

    schema_version: int = 1


def current(content: bytes, form: Format) -> bytes:
    """The JSON object of a file, without its checksum, in today's version.

    Raises:
        LargeRecordError: it has more values than any run.
        Unsealed: the file was edited or damaged since it was written.
        VersionError: it is of another qaml's version.
    """
    plain, is_sealed = unseal(content)
    check_size(plain)
    try:
        version = _Head.model_validate_json(plain).schema_version
    except ValidationError:
        return plain  # the parser of the rest reports the mistake
    if not _UNSEALED <= version <= form.version:
        raise VersionError(f"is of version {version}, expected {form.version}")
    if version != _UNSEALED and not is_sealed:
        raise Unsealed("was edited or damaged: its checksum is missing")
    if version == form.version:
        return plain
    fields: Fields = from_json(plain)
    with suppress(AttributeError, KeyError, TypeError):  # the parser of the rest reports the mistake
        for upgrade in form.upgrades[version - 1 :]:
            fields = upgrade(fields)
    return to_json({**fields, "schema_version": form.version})


def unchanged(fields: Fields) -> Fields:
    """Upgrade to a version that only adds the checksum."""
    return fields


def caveats_apart(fields: Fields) -> Fields:
    """Upgrade outcomes from version 2, where the words of a model ended with the caveat of its data, to version 3."""
    for outcome in fields.get("outcomes", ()):
        parts = {name: words.partition(". Caveat of ") for name, words in outcome.get("setting", {}).items()}
        outcome["setting"] = {name: words for name, (words, _, _) in parts.items()}
        caveats = (caveat.partition(": ") for _, _, caveat in parts.values() if caveat)
        outcome["caveats"] = {dataset: text for dataset, _, text in caveats}
    return fields
