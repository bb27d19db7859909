"""``python -m tests.campaign.faults``: try everything that is not done yet, and write the table.

Records lie in a folder (``.qaml/faults``) by commit; with ``--of COMMIT`` those of an earlier one are gone on with.
With ``--only TEXT`` what has the text in its name. A project that did not come through stays in the folder.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.campaign.faults.attempt import Attempt, Peace, Planned
from tests.campaign.faults.damage import every_damage
from tests.campaign.faults.exhaustion import every_exhaustion
from tests.campaign.faults.hostile import every_hostile
from tests.campaign.faults.kills import every_kill
from tests.campaign.faults.results import page, summary
from tests.campaign.faults.together import every_gathering
from tests.campaign.records import Records, commit

PAGE = Path(__file__).parent / "RESULTS.md"

Every = Callable[[Peace, int], Iterator[Planned]]
ROWS: Mapping[str, tuple[Every, int]] = {
    "kills": (every_kill, 300),
    "damage": (every_damage, 1_000),
    "exhaustion": (every_exhaustion, 80),
    "together": (every_gathering, 40),
    "hostile": (every_hostile, 1_000),
}
"""Row → its tries, and how many the whole campaign has."""
SAMPLE = {"kills": 8, "damage": 16, "exhaustion": 5, "together": 2, "hostile": 12}
"""How many of each row the tests have."""


def main(arguments: list[str] | None = None) -> int:
    """Try the rows asked for; the exit code says whether anything did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.faults", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".qaml/faults"))
    parser.add_argument("--rows", nargs="*", choices=ROWS, default=list(ROWS))
    parser.add_argument("--only", default="", help="a part of the names to try")
    parser.add_argument("--sample", action="store_true", help="few tries of each row, those of the tests")
    parser.add_argument("--of", default="", help="the commit whose records are gone on with (default: this one)")
    parser.add_argument("--fresh", action="store_true", help="forget records of this commit")
    parser.add_argument("-n", type=int, default=1, help="processes that try at the same time")
    chosen = parser.parse_args(arguments)
    of = chosen.of or commit()
    kept = {row: Records(chosen.folder / f"{of}-{row}.jsonl", Attempt, fresh=chosen.fresh) for row in ROWS}
    peace = Peace((chosen.folder / f"work-{'-'.join(chosen.rows)}").absolute())
    wanted = list(_wanted(peace, chosen.rows, chosen.only, kept, is_sample=chosen.sample))
    _share_out(wanted, kept, chosen.n)
    found = {row: records.all() for row, records in kept.items()}
    if not chosen.only and not chosen.sample and set(chosen.rows) == set(ROWS):
        PAGE.write_text(page(of, found))
    sys.stdout.write(summary(found))
    return int(any(attempt.faults for attempts in found.values() for attempt in attempts))


def _wanted(
    peace: Peace, rows: Sequence[str], only: str, kept: Mapping[str, Records[Attempt]], *, is_sample: bool
) -> Iterator[Planned]:
    """What has no record yet, rows in turn."""
    for row in rows:
        every, n = ROWS[row]
        planned = {each.name: each for each in every(peace, SAMPLE[row] if is_sample else n) if only in each.name}
        yield from (planned[name] for name in kept[row].to_do(planned))


def _share_out(wanted: Sequence[Planned], kept: Mapping[str, Records[Attempt]], n: int) -> None:
    """Try all, every n-th in the same process; what each finds is in the records."""
    processes = []
    for share in range(n):
        pid = os.fork() if n > 1 else 0
        if pid:
            processes.append(pid)
            continue
        for planned in wanted[share::n]:
            _tell(kept[planned.row].add(planned.do()))
        if n > 1:
            sys.stdout.flush()
            os._exit(0)
    ends = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in processes]
    assert not any(ends), f"processes ended with {ends}"


def _tell(attempt: Attempt) -> None:
    what = f"{'; '.join(attempt.faults)} | {attempt.said}" if attempt.faults else attempt.ended
    sys.stdout.write(f"{'LOST' if attempt.faults else '':5}{attempt.name} ({attempt.seconds:.1f} s): {what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
