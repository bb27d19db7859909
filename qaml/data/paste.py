"""Names as they are written in a spec, for hints that can be pasted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

SHOWN: Final = 12
"""Most names that a message lists."""
_LONGEST: Final = 40
_PLAIN = re.compile(r"-?(0|[1-9]\d*)|(?!(true|false|null)$)[^\W\d](?:[\w .+()/-]*[\w.+()/-])?", re.IGNORECASE)


def listed(names: Sequence[str]) -> str:
    """The first names of a list, quoted where YAML would read something else."""
    more = f" and {len(names) - SHOWN} more" * (len(names) > SHOWN)
    return ", ".join(_quoted(name[:_LONGEST]) for name in names[:SHOWN]) + more


def _quoted(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else "'" + name.replace("'", "''") + "'"
