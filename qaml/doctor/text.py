"""The examination in words, for a terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from qaml.doctor.examination import Examined, Needed, Places
from qaml.errors import Problem
from qaml.spec.suite import Suite
from qaml.text import some

WIDTH = 8


def headline(suite: Suite, need: Needed) -> str:
    """What is examined, and what no claim needs."""
    counts = [_count(len(names), word) for names, word in
              ((need.datasets, "dataset"), (need.models, "model"), (need.attacks, "attack"))]  # fmt: skip
    text = f"{suite.name} at {suite.profile}: {', '.join(counts)}"
    unused = [name for name in (*suite.datasets, *suite.models) if name not in (*need.datasets, *need.models)]
    return text + (f"; no claim needs {some(unused)}" if unused else "")


def lines(examined: Examined, places: Places) -> Iterator[str]:
    """An entry in a line, and its faults below, each at its place with a remedy."""
    told = f"as {examined.like}" if examined.like else examined.skipped or "; ".join(examined.chart.facts)
    seen = examined.chart.seen
    state = _state(examined)
    yield f"  {state:{WIDTH}} {examined.kind} {examined.name}" + (f": {told}" if told else "")
    for each in seen:
        location, path = places.of(examined, each.fault)
        word = "note: " if each.gravity == "note" else ""
        problem = Problem(location, path, f"{word}{each.fault}: {each.seen}").render()
        yield f"    {problem}\n      remedy: {each.remedy}"


def _state(examined: Examined) -> str:
    if examined.skipped:
        return "skipped"
    faults = sum(each.gravity == "fault" for each in examined.chart.seen)
    return _count(faults, "fault") if faults else "note" if examined.chart.seen else "sound"


def closing(examined: Sequence[Examined], seconds: float, expected: str) -> str:
    """The last line: numbers of faults and notes, and what the suite will take."""
    seen = [each for one in examined for each in one.chart.seen]
    faults = sum(each.gravity == "fault" for each in seen)
    found = _count(faults, "fault") if faults else "no fault"
    notes = f", {_count(len(seen) - faults, 'note')}" if len(seen) > faults else ""
    return f"{found}{notes} in {seconds:.0f} s; a run from the start takes roughly {expected} on one core"


def record(suite: Suite, examined: Examined, places: Places) -> dict[str, Any]:
    """An entry for ``--json``."""
    seen = []
    for each in examined.chart.seen:
        location, path = places.of(examined, each.fault)
        seen.append(each._asdict() | {"path": path} | location._asdict())
    return {
        "suite": suite.name,
        "profile": suite.profile,
        "kind": examined.kind,
        "name": examined.name,
        "like": examined.like,
        "skipped": examined.skipped,
        "seconds": round(examined.seconds, 2),
        "facts": examined.chart.facts,
        "numbers": examined.chart.numbers,
        "seen": seen,
    }


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"
