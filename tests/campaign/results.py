"""The campaign's table: what was tried, what came out false, which findings were raised, and how long it took."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.campaign.exactly import Misses
from tests.campaign.runner import Record

BEFORE = Path(__file__).parent / "before.json"
"""Verdicts of the pairs on commit 414a668, whose battery was cross-entropy alone: name → verdict."""


class Campaign(NamedTuple):
    """All records of one commit."""

    commit: str
    pairs: list[Record]
    forms: list[Record]
    sound: list[Record]
    cheats: list[Record]
    misses: list[Misses]

    @property
    def n_false(self) -> int:
        """Claims decided against the truth."""
        return sum(record.is_false for record in (*self.pairs, *self.forms, *self.cheats))

    def summary(self) -> str:
        return (
            f"{len(self.pairs)} pairs, {len(self.forms)} forms, {len(self.cheats)} cheats: "
            f"{self.n_false} decided against the truth; "
            f"{len(self.sound)} sound trials: {sum(map(is_alarmed, self.sound))} alarms, "
            f"{sum(map(is_lost, self.sound))} verdicts lost\n"
        )


def is_alarmed(record: Record) -> bool:
    """Whether a finding limits a sound model's verdict."""
    return any(severity in ("weak", "void") for _, severity in record.findings) or record.verdict == "error"


def is_lost(record: Record) -> bool:
    """Whether what is true by five points came out invalid."""
    return "invalid" in (record.verdict, record.sure) or "error" in (record.verdict, record.sure)


def page(found: Campaign) -> str:
    """The whole page, as Markdown."""
    parts = [
        f"# Campaign on {found.commit}\n",
        "Written by `python -m tests.campaign`. What the columns mean is said in the docstrings there.\n",
        f"{found.summary()}",
        "## Planted weaknesses, by family\n",
        _pairs(found.pairs, lambda record: record.family),
        "\n## By attack\n",
        _pairs(found.pairs, lambda record: record.attack),
        "\n## By kind of claim\n",
        _pairs(found.forms, lambda record: record.family),
        "\n## Decided against the truth\n",
        _list([record for record in (*found.pairs, *found.forms, *found.cheats) if record.is_false]),
        "\n## Findings raised on planted weaknesses\n",
        _findings(found.pairs),
        "\n## Attacks that cheat, default minimisers, noise\n",
        _list(found.cheats),
        "\n## Sound models\n",
        _sound(found.sound),
        "\n## Missed, against the exact truth\n",
        missed(found.misses),
    ]
    return "\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


def _pairs(records: Sequence[Record], by: Callable[[Record], str]) -> str:
    before: dict[str, str] = json.loads(BEFORE.read_text()) if BEFORE.exists() else {}
    rows = []
    for group in [*dict.fromkeys(map(by, records)), "all"]:
        of = [record for record in records if group in (by(record), "all")]
        verdicts = Counter(record.verdict for record in of)
        rows.append(
            (
                group,
                len(of),
                sum(record.is_hidden for record in of),
                sum(before.get(record.name) == "supported" for record in of),
                verdicts["supported"],
                *(verdicts[verdict] for verdict in ("inconclusive", "invalid", "refuted", "error")),
                f"{sum(record.seconds for record in of) / max(len(of), 1):.1f}",
            )
        )
    head = (
        "",
        "tried",
        "own attack blind",
        "false before",
        "false now",
        "inconclusive",
        "invalid",
        "refuted",
        "error",
        "s each",
    )
    return _table(head, rows)


def _list(records: Sequence[Record]) -> str:
    if not records:
        return "None."
    head = ("", "true at most", "claimed", "measured", "verdict", "findings")
    return _table(
        head,
        (
            (
                record.name,
                f"{record.truth:.3f}",
                f"{record.limit:.3f}",
                f"{record.estimate:.3f} [{record.low:.3f}, {record.high:.3f}]",
                f"**{record.verdict}**" if record.is_false else record.verdict,
                ", ".join(name for name, _ in record.findings),
            )
            for record in records
        ),
    )


def _findings(records: Sequence[Record]) -> str:
    counts = Counter((name, severity) for record in records for name, severity in map(tuple, record.findings))
    return _table(("finding", "severity", "pairs"), ((*key, count) for key, count in counts.most_common()))


def _sound(records: Sequence[Record]) -> str:
    head = ("", "measured", "claimed: five points less", "five less than the interval", "findings", "s")
    return _table(
        head,
        (
            (
                record.name,
                f"{record.estimate:.3f} [{record.low:.3f}, {record.high:.3f}]",
                record.verdict,
                record.sure,
                ", ".join(f"{name} ({severity})" for name, severity in record.findings),
                f"{record.seconds:.1f}",
            )
            for record in records
        ),
    )


def missed(misses: Sequence[Misses]) -> str:
    """The docs' table: shares of the images that are fooled for sure and left right."""
    columns = {
        "cross-entropy": "PGD, cross-entropy",
        "margin": "PGD, margin",
        "autoattack": "AutoAttack",
        "the battery alone": "battery",
        "with the battery": "PGD, cross-entropy, and battery",
    }
    head = ("model", "norm", "ε", "truth", "robust", *columns.values())
    rows = (
        (
            each.case.name,
            "L2" if each.case.norm == "l2" else "L∞",
            f"{each.case.epsilon:g}",
            each.case.truth,
            f"{100 * each.robust:.1f}",
            *(f"{100 * each.shares[name]:.1f}" for name in columns),
        )
        for each in misses
    )
    return _table(head, rows)
