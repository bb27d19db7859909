"""Values as text that is equal for equal values."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces; equal values give equal text for any order of keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", serialize_as_any=True)
    raise TypeError(f"{type(value).__name__} has no canonical form")
