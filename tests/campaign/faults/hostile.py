"""Input from somebody who means harm: bounded in memory and time, told in words, and none of its code runs."""

from __future__ import annotations

import os
import re
import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from tests.campaign.faults.attempt import Peace, Planned, Seen, words
from tests.campaign.faults.project import Project
from tests.campaign.faults.warm import Ended, qaml_command, run

ROW = "hostile"
MOST_MIB = 500
MOST_SECONDS = 10
PATIENCE = 90
"""Wall seconds after which a run is ended; on a busy machine the bar is for its own work."""
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]|^::", re.MULTILINE)
"""Characters that act on a terminal, and what a CI takes for a command."""
ENDS = (0, 1, 2, 130)
"""Exit codes; the last is of code that somebody trusts and that raises what Ctrl-C does."""
CANARY = "canary"


class Hostile(NamedTuple):
    """Something hostile in a project.

    Attributes:
        name: of what it is.
        put: writes it into the project.
        command: that meets it.
        environment: in which it does.
        is_complete: whether it needs the project with everything there, rather than an empty one.
        prepare: called in the process beforehand.
    """

    name: str
    put: Callable[[Project], None]
    command: tuple[str, ...]
    environment: Mapping[str, str] = {}
    is_complete: bool = False
    prepare: Callable[[], None] = lambda: None


def every_hostile(peace: Peace, n: int) -> Iterator[Planned]:
    """``n`` tries, in turn of each kind as far as it goes."""
    from tests.campaign.faults import hostile_code, hostile_files, hostile_specs

    sources: dict[str, Iterator[Hostile]] = {
        "specs": hostile_specs.every(),
        "paths": hostile_specs.every_path(),
        "outcomes": hostile_files.every_outcomes(peace),
        "baselines": hostile_files.every_baseline(peace),
        "arrays": hostile_files.every_array(peace),
        "mirrors": hostile_code.every_mirror(),
        "plugins": hostile_code.every_plugin(),
        "factories": hostile_code.every_factory(),
    }
    return islice(_in_turn(peace, sources), n)


def _in_turn(peace: Peace, sources: dict[str, Iterator[Hostile]]) -> Iterator[Planned]:
    i = 0
    while sources:
        for group, source in list(sources.items()):
            hostile = next(source, None)
            if hostile is None:
                del sources[group]
                continue
            name = f"{ROW} {i}: {hostile.name}, {' '.join(hostile.command)}"
            yield Planned(name, ROW, group, partial(_try, peace, hostile))
            i += 1


def _try(peace: Peace, hostile: Hostile) -> Seen:
    project = peace.copy() if hostile.is_complete else peace.fresh()
    hostile.put(project)

    def prepare() -> None:
        mirror = project.root / "mirror.txt"
        os.environ.update(hostile.environment)
        if mirror.exists():
            os.environ["QAML_MIRROR"] = mirror.read_text()
        sys.path.insert(0, str(project.root))
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS + 1, MOST_SECONDS + 5))
        hostile.prepare()
        os.environ["CANARY"] = str(project.root / CANARY)

    ended = run(qaml_command(*hostile.command), project.root, prepare, limit=PATIENCE)
    faults = list(_harm(ended))
    if (project.root / CANARY).exists():
        faults.append("its code ran")
    if not faults:
        project.remove()
    return Seen(faults, "refused" if ended.code else "harmless", words(ended))


def _harm(ended: Ended) -> Iterator[str]:
    if ended.has_traceback:
        yield f"traceback: {words(ended, 200)}"
    elif ended.code not in ENDS:
        yield f"exit code {ended.code}: {words(ended, 200)}"
    if ended.grown > MOST_MIB:
        yield f"{ended.grown:.0f} MiB of memory"
    if ended.is_late or ended.worked > MOST_SECONDS:
        yield f"{ended.worked:.0f} s of work in {ended.seconds:.0f} s"
    if found := ACTING.search(ended.out):
        yield f"prints {found[0]!r}"


def as_file(name: str, content: bytes) -> Callable[[Project], None]:
    """Puts a file into the project."""

    def put(project: Project) -> None:
        path = project.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return put


def in_order(*puts: Callable[[Project], None]) -> Callable[[Project], None]:
    """Does one after the other."""

    def put(project: Project) -> None:
        for each in puts:
            each(project)

    return put


def touching(path: Path | str = "") -> str:
    """Python that leaves a canary."""
    return f"import os; open({str(path)!r} or os.environ['CANARY'], 'w').close()\n"
