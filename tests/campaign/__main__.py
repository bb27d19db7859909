"""``python -m tests.campaign``: run everything that is not done yet, and write the table.

Progress and records lie in a folder (``.qaml/campaign``); records of an older commit are not taken up again, trained
networks and their adversarials are. With ``--only TEXT`` what has the text in its name.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch

from tests.campaign.cheats import every_cheat, try_cheat
from tests.campaign.exactly import every_case
from tests.campaign.forms import every_form, try_form
from tests.campaign.healthy import every_trial, try_sound
from tests.campaign.pairs import every_pair
from tests.campaign.records import Records, commit
from tests.campaign.results import Campaign, page
from tests.campaign.runner import Record, Workplace, try_pair

PAGE = Path(__file__).parent / "RESULTS.md"
STAGES = ("pairs", "forms", "sound", "cheats", "exact")
Trial = Callable[[], Record]


def stages(place: Workplace) -> dict[str, Callable[[], Iterator[tuple[str, Trial]]]]:
    """What each stage tries, by name; nothing is prepared before it is asked for."""
    return {
        "pairs": lambda: ((pair.name, partial(try_pair, pair, place)) for pair in every_pair()),
        "forms": lambda: ((form[0], partial(try_form, *form, place)) for form in every_form()),
        "sound": lambda: ((trial.name, partial(try_sound, trial, place)) for trial in every_trial()),
        "cheats": lambda: ((cheat.name, partial(try_cheat, cheat, place)) for cheat in every_cheat(place)),
    }


def main(arguments: list[str] | None = None) -> int:
    """Run the stages asked for; the exit code says whether anything false was supported."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(".qaml/campaign"))
    parser.add_argument("--stages", nargs="*", choices=STAGES, default=STAGES)
    parser.add_argument("--only", default="", help="a part of the names to run")
    parser.add_argument("--fresh", action="store_true", help="forget records of this commit, too")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    place, of = Workplace(chosen.folder), commit()
    kept = {stage: Records(chosen.folder / f"{of}-{stage}.jsonl", Record, fresh=chosen.fresh) for stage in STAGES}
    for stage, trials in stages(place).items():
        if stage in chosen.stages:
            wanted = {name: trial for name, trial in trials() if chosen.only in name}
            for name in kept[stage].to_do(wanted):
                _tell(kept[stage].add(wanted[name]()))
    misses = list(every_case(chosen.folder)) if "exact" in chosen.stages and not chosen.only else []
    found = Campaign(of, kept["pairs"].all(), kept["forms"].all(), kept["sound"].all(), kept["cheats"].all(), misses)
    if not chosen.only and set(chosen.stages) == set(STAGES):
        PAGE.write_text(page(found))
    sys.stdout.write(found.summary())
    return int(found.n_false > 1)


def _tell(record: Record) -> None:
    mark = "FALSE" if record.is_false else ""
    value = f"{record.estimate:.3f} [{record.low:.3f}, {record.high:.3f}]"
    known = f"at most {record.truth:.3f} claimed {record.limit:.3f} measured {value}"
    findings = " ".join(name for name, _ in record.findings)
    sys.stdout.write(f"{mark:6}{record.name:44} {known} {record.verdict} {findings} {record.seconds:.1f} s\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
