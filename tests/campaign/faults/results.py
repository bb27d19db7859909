"""The table of tries and losses, by row and group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tests.campaign.faults.attempt import Attempt

REMAINS = """
## What remains possible to lose

- Where memory ends inside of a compiled library, that library may end the process (aborts, and exits with code 1 and no
  word, were seen): nothing is lost, and the next run goes on. With little memory a library may also take another way to
  the same numbers: weights of one surrogate differed by 2e-7, under the same key.
- A deleted file of the history is not missed: each run keeps its own.
- A whole file with its own checksum in the place of another's that it fits is believed: a baseline and its evidence,
  a report with its pictures, a run of the history. Checksums tell damage, not intent.
- A worker killed while pytest-xdist starts it ends the run in xdist's own words; the next run has everything.
- What Python says of an interrupt where it cannot be raised ("Exception ignored in …") is not caught: that run goes on.
"""

Found = Mapping[str, Sequence[Attempt]]


def summary(found: Found) -> str:
    """A line a row."""
    return "".join(
        f"{row}: {len(attempts)} tries, {sum(not a.faults for a in attempts)} survived, "
        f"{sum(bool(a.faults) for a in attempts)} lost\n"
        for row, attempts in found.items()
    )


def page(commit: str, found: Found) -> str:
    """The whole page, as Markdown."""
    parts = [
        f"# Faults on {commit}\n",
        "Written by `python -m tests.campaign.faults`: what is done to a project of three claims, and how often it did",
        "not come through. What each row does and what must hold afterwards is said in the file of its name.\n",
        "| row | tried | survived | lost | how they ended |",
        "|---|---|---|---|---|",
        *(_line(row, attempts) for row, attempts in found.items()),
        "\n## By group\n",
        "| row | group | tried | lost | s each |",
        "|---|---|---|---|---|",
        *(line for row, attempts in found.items() for line in _groups(row, attempts)),
        "\n## What was lost\n",
        *(list(_lost(found)) or ["Nothing."]),
        REMAINS,
    ]
    return "\n".join(parts).rstrip() + "\n"


def _line(row: str, attempts: Sequence[Attempt]) -> str:
    ends = Counter(attempt.ended for attempt in attempts if not attempt.faults)
    told = ", ".join(f"{count} {word}" for word, count in ends.most_common())
    lost = sum(bool(attempt.faults) for attempt in attempts)
    return f"| {row} | {len(attempts)} | {len(attempts) - lost} | {lost} | {told} |"


def _groups(row: str, attempts: Sequence[Attempt]) -> Iterator[str]:
    for group in sorted({attempt.group for attempt in attempts}):
        of = [attempt for attempt in attempts if attempt.group == group]
        seconds = sum(attempt.seconds for attempt in of) / len(of)
        yield f"| {row} | {group} | {len(of)} | {sum(bool(a.faults) for a in of)} | {seconds:.1f} |"


def _lost(found: Found) -> Iterator[str]:
    for attempt in (attempt for attempts in found.values() for attempt in attempts if attempt.faults):
        yield f"- {attempt.name}: {'; '.join(attempt.faults)}"
