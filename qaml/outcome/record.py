"""The base of every record of ``outcomes.json``.

Numbers that do not exist are null; infinities are written as strings by ``Number``.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, PlainSerializer, ValidationError
from pydantic_core import CoreSchema, core_schema

R = TypeVar("R", bound="Record")

MOST_BYTES: Final = 256 << 20
"""Largest size of a file of outcomes, in bytes: 5,000 claims with figures fill 150 MB."""
MOST_VALUES: Final = 3_700_000
"""Most values in a file: 5,000 claims have 3,400,000."""
MOST_ENTRIES: Final = 50_000
"""Most entries of a mapping, such as claims of a run, or cells."""
MOST_NUMBERS: Final = 100_000
"""Most numbers of a course that is drawn."""
_MOST_UNKNOWN: Final = 500_000
"""Keys of a file that no record has; those of a smaller number are counted as mistakes."""
_LEAST_ENTRY: Final = 5
"""Bytes of a key with its value."""
_KEY = re.compile(rb'"\s*:')
_MOST_MISTAKES: Final = 1_000
"""Most mistakes of a record that are collected one by one."""


def _plain(value: float) -> float | str | None:
    if value != value:
        return None
    return value if abs(value) != float("inf") else str(value)


def _parse(value: Any) -> Any:
    try:
        return float("nan") if value is None else float(value)
    except (TypeError, OverflowError) as error:
        raise ValueError(f"expected a number, got {type(value).__name__}") from error


Number = Annotated[float, BeforeValidator(_parse), PlainSerializer(_plain, when_used="json")]


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(float(number) for number in value.split(maxsplit=MOST_NUMBERS))
    return tuple(_parse(number) for number in value) if isinstance(value, (list, tuple)) else value


def _joined(values: tuple[float, ...]) -> str:
    return " ".join(["%.5g"] * len(values)) % values  # in one go: a report has millions


Series = Annotated[tuple[float, ...], BeforeValidator(_split), PlainSerializer(_joined, when_used="json")]
"""Numbers to be drawn, written as one text of five digits each: a list would take a line a number."""


def _bounded(schema: Any) -> Any:
    """The schema with lists that stop at their first mistake, and mappings that are not read further if too large.

    A damaged file of millions of numbers has as many mistakes, each of which would be an object.
    """
    if isinstance(schema, list | tuple):
        return type(schema)(map(_bounded, schema))
    if not isinstance(schema, dict):
        return schema
    inner = {name: child if name == "metadata" else _bounded(child) for name, child in schema.items()}
    if inner.get("type") in ("tuple", "list"):
        return {**inner, "fail_fast": True}
    return core_schema.no_info_before_validator_function(_few, inner) if inner.get("type") == "dict" else inner


def _few(value: Any) -> Any:
    if isinstance(value, dict) and len(value) > MOST_ENTRIES:
        raise ValueError(f"expected at most {MOST_ENTRIES:,} entries, got {len(value):,}")
    return value


class RecordError(ValueError):
    """Bytes are no record of the requested kind; the message is one line."""


class Record(BaseModel):
    """Base of what is written to ``outcomes.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Bound the cost of a damaged file."""
        found: CoreSchema = _bounded(handler(source))
        return found


class LargeRecordError(RecordError):
    """A file has more values than are read."""


def check_size(content: bytes) -> None:
    """Refuse JSON of more values than any run has, before it is parsed.

    Raises:
        LargeRecordError: it has more.
    """
    if (count := sum(content.count(mark) for mark in b",[{")) > MOST_VALUES:
        raise LargeRecordError(f"expected at most {MOST_VALUES:,} values, got {count:,}")


def parse_record(kind: type[R], content: bytes) -> R:
    """A record from JSON of any origin whose size ``check_size`` has accepted.

    Raises:
        RecordError: it is no JSON, or no such record.
    """
    try:
        if (n_unknown := _most_unknown(kind, content)) > _MOST_UNKNOWN:
            raise RecordError(f"{n_unknown:,} unknown keys")
        return kind.model_validate_json(content)
    except ValidationError as error:
        if error.error_count() > _MOST_MISTAKES:
            raise RecordError(f"{error.error_count():,} mistakes") from None
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = "".join(f"{step}." for step in first["loc"])[:100].rstrip(".")
        raise RecordError(f"{where}: {first['msg'][:200]}".removeprefix(": ")) from None


def _most_unknown(kind: type[R], content: bytes) -> int:
    """The number of keys that no field or mapping has, or more; each would be a mistake of 230 bytes.

    Raises:
        ValidationError: what is known of it is no such record.
    """
    if (
        len(content) <= _LEAST_ENTRY * _MOST_UNKNOWN
        or (n_keys := sum(1 for _ in _KEY.finditer(content))) <= _MOST_UNKNOWN
    ):
        return 0
    return n_keys - _n_keys(kind.model_validate_json(content, extra="ignore"))


def _n_keys(value: Any) -> int:
    """The keys of a record's JSON."""
    if isinstance(value, Record):
        return len(value.model_fields_set) + sum(map(_n_keys, vars(value).values()))
    if isinstance(value, dict):
        return len(value) + sum(map(_n_keys, value.values()))
    is_nested = isinstance(value, tuple) and value and not isinstance(value[0], float)
    return sum(map(_n_keys, value)) if is_nested else 0


class Interval(Record):
    """A number with its interval, as shown in a forest plot."""

    value: Number
    low: Number
    high: Number
    per_seed: tuple[Number, ...] = ()
    n_seeds: int = 1
    n_images: int = 0
    method: str = ""
