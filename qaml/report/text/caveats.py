"""What a reader must know of the data before any number: told once near the verdict."""

from __future__ import annotations

import re

from qaml.outcome.outcome import Outcome

_CAVEAT = re.compile(r"\bcaveat(?: of |: *)(.+)", re.IGNORECASE | re.DOTALL)


def caveats(outcome: Outcome) -> tuple[str, ...]:
    """Whatever follows ``caveat:`` or ``caveat of`` in the outcome's notes and in its models' words, each once."""
    texts = (*outcome.notes, *outcome.setting.values())
    found = (match[1].strip() for text in texts if (match := _CAVEAT.search(text)))
    return tuple(dict.fromkeys(found))
