"""What every record of ``outcomes.json`` is made of.

Numbers that do not exist are null; infinities are written as strings by ``Number``.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer


def _plain(value: float) -> float | str | None:
    if value != value:
        return None
    return value if abs(value) != float("inf") else str(value)


def _parse(value: Any) -> Any:
    try:
        return float("nan") if value is None else float(value)
    except TypeError as error:
        raise ValueError(f"expected a number, got {value!r}") from error


Number = Annotated[float, BeforeValidator(_parse), PlainSerializer(_plain, when_used="json")]


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(float(number) for number in value.split())
    return tuple(_parse(number) for number in value) if isinstance(value, (list, tuple)) else value


def _joined(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.5g}" for value in values)


Series = Annotated[tuple[float, ...], BeforeValidator(_split), PlainSerializer(_joined, when_used="json")]
"""Numbers to be drawn, written as one text of five digits each: a list would take a line a number."""


class Record(BaseModel):
    """Base of what is written to ``outcomes.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Interval(Record):
    """A number with its interval, as shown in a forest plot."""

    value: Number
    low: Number
    high: Number
    per_seed: tuple[Number, ...] = ()
    n_seeds: int = 1
    n_images: int = 0
    method: str = ""
