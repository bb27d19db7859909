"""The chart of one patient: what was seen of it, and measured, in a form that travels between processes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from qaml.doctor.faults import FAULTS, Gravity
from qaml.text import one_line

CHART = "chart.json"
_LONGEST = 400


class Seen(NamedTuple):
    """A fault that was seen.

    Attributes:
        fault: name of the fault.
        seen: what was seen, with numbers.
        remedy: what to do about it.
        gravity: fault or note.
    """

    fault: str
    seen: str
    remedy: str
    gravity: Gravity


def seen(fault: str, what: str, remedy: str = "", gravity: Gravity | None = None) -> Seen:
    """A fault of the table; remedy and gravity are the table's unless they are given."""
    known = FAULTS[fault]
    return Seen(fault, one_line(what)[:_LONGEST], one_line(remedy)[:_LONGEST] or known.remedy, gravity or known.gravity)


class Chart:
    """Collects what is seen of one patient; each line is kept at once, for a process may end before its last.

    Args:
        path: file that the chart is kept in; none to keep it in memory.
        say: called with the words of each look before it begins.
    """

    def __init__(self, path: Path | None = None, say: Callable[[str], None] = lambda _: None) -> None:
        self.seen: list[Seen] = []
        self.facts: list[str] = []
        self.numbers: dict[str, float] = {}
        self.doing = ""
        self._path = path
        self._say = say

    @property
    def names(self) -> frozenset[str]:
        """The names of the faults seen so far."""
        return frozenset(each.fault for each in self.seen)

    def begin(self, words: str) -> None:
        """Say what is being looked at."""
        self.doing = words
        self._say(words)
        self._keep()

    def add(self, *found: Seen) -> None:
        """Add faults, each name once."""
        for each in found:
            if each.fault not in self.names:
                self.seen.append(each)
        self._keep()

    def fact(self, words: str, **numbers: float) -> None:
        """Add something measured, in words and in numbers."""
        if words:
            self.facts.append(words)
        self.numbers |= numbers
        self._keep()

    def _keep(self) -> None:
        if self._path is not None:
            content = {"seen": self.seen, "facts": self.facts, "numbers": self.numbers, "doing": self.doing}
            self._path.write_text(json.dumps(content))

    @classmethod
    def read(cls, path: Path) -> Chart:
        """The chart in a file, as far as its process came."""
        chart = cls()
        if path.exists():
            content: dict[str, Any] = json.loads(path.read_text())
            chart.seen = [Seen(*each) for each in content["seen"]]
            chart.facts, chart.numbers = list(content["facts"]), dict(content["numbers"])
            chart.doing = str(content["doing"])
        return chart
