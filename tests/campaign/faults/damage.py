"""Files that are damaged after they were written: bits, length, absent, another's content, a folder, unreadable."""

from __future__ import annotations

import errno
import json
import os
import random
import re
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tests.campaign.faults.attempt import Peace, Planned, Seen, words
from tests.campaign.faults.events import at_event
from tests.campaign.faults.project import SPEC, Project
from tests.campaign.faults.warm import Action, Ended, pytest_run, qaml_command, run

ROW = "damage"
UNREADABLE = ("EACCES", "EIO", "EMFILE")
"""The file is sound, and cannot be read this time."""
HOWS = ("flip", "flip", "flip", "truncate", "empty", "delete", "swap", "folder", *UNREADABLE)
CHANGING = re.compile(r"\d+\.\d+ ?s\b|\d{4}-\d\d-\d\d([T ][\d:]+)?|try-[\d-]+|\bpeace\b")
"""What differs between what two sound runs print."""
Command = tuple[str, ...]
RUN: Command = ("pytest", "-n0")
GATE: Command = ("pytest", "-n0", "--qaml-baseline=base.json")
PEOPLES = {"baseline", "evidence", "outcomes", "media", "history"}
"""Files that a run does not make again: a person is told, and does."""


class File(NamedTuple):
    """A file to damage; those of one kind can be taken for each other.

    Attributes:
        path: inside the project.
        label: that says what it is, whatever its key or its time.
        kind: of file.
        command: that reads it.
        is_read: whether what was made of this artefact goes first, so that the run reads it.
    """

    path: Path
    label: str
    kind: str
    command: Command
    is_read: bool = False


class Damage(NamedTuple):
    """What is done to which file, how, with a seed for where."""

    file: File
    how: str
    seed: int


class Place(NamedTuple):
    """The project that is damaged, and what commands say in it when it is not.

    Attributes:
        peace: what runs must come to.
        project: with a baseline and its evidence; ``base.json``, and another one.
        interrupted: one with the checkpoints of two trainings.
        children: key → keys of all that was made of it.
        said: by command.
    """

    peace: Peace
    project: Project
    interrupted: Project
    children: dict[str, set[str]]
    said: dict[Command, str]


def every_damage(peace: Peace, n: int) -> Iterator[Planned]:
    """``n`` tries: every kind of file in every way, then as far as ``n`` goes; drawn with a seed."""
    place = prepared(peace)
    source = random.Random(15)
    every = [(file, how) for file in _files(place) for how in HOWS]
    source.shuffle(every)
    seen: dict[tuple[str, str, Command], int] = {}
    ranked = []
    for file, how in every:
        kind = (file.kind, how, file.command)
        seen[kind] = seen.get(kind, -1) + 1
        ranked.append((seen[kind], file, how))
    ranked.sort(key=lambda each: each[0])
    for i in range(n):
        turn, (_, file, how) = divmod(i, len(ranked))[0], ranked[i % len(ranked)]
        read = ", read" * file.is_read
        name = f"{ROW} {i}: {how} {file.label}{read}, then {' '.join(file.command)}"
        yield Planned(name, ROW, file.kind, partial(_try, place, Damage(file, how, i + turn)))


def prepared(peace: Peace) -> Place:
    """The places where files are damaged."""
    project = peace.copy()
    (project.root / "one.yaml").write_text(SPEC.partition("  - id: rbm-learns")[0])
    for name, *spec in (("base.json",), ("other.json", "one.yaml")):
        _sound(run(qaml_command("baseline", "save", name, *spec), project.root))
    said = {
        command: _printed(_sound(run(action_of(command), project.copy(peace.place()).root))) for command in COMMANDS
    }
    return Place(peace, project, _interrupted(peace), _children(project), said)


def _sound(ended: Ended) -> Ended:
    assert ended.code == 0, ended.out
    return ended


def _interrupted(peace: Peace) -> Project:
    """Killed in the second epoch of two trainings."""
    project = peace.fresh()
    checkpoints, aside = project.store / "checkpoints", project.root / "aside"
    for claim in ("fnn", "rbm"):
        for left in checkpoints.iterdir() if checkpoints.exists() else ():
            left.rename(aside) if claim == "rbm" else None
        ended = run(pytest_run("-n0", "-k", claim), project.root, partial(_die_at_checkpoint, project))
        assert ended.code == -9, ended.out
        kept = {path.name for path in checkpoints.iterdir()}
        if claim == "fnn":
            (project.root / "fnn").write_text(kept.pop())
    aside.rename(checkpoints / (project.root / "fnn").read_text())
    return project


def _die_at_checkpoint(project: Project) -> None:
    os.environ["QAML_CHECKPOINT_SECONDS"] = "0"
    n_written = 0

    def die(event: str) -> None:
        nonlocal n_written
        if event.startswith("os.rename") and "/checkpoints/" in event:
            n_written += 1
            if n_written == 2:
                os.kill(os.getpid(), 9)

    at_event(0, project.root, die, is_once=False)


def _children(project: Project) -> dict[str, set[str]]:
    parents = {}
    for manifest in project.store.glob("artefacts/*/*/manifest.json"):
        parents[manifest.parent.name] = set(json.loads(manifest.read_text())["provenance"]["parents"].values())
    children: dict[str, set[str]] = {key: set() for key in parents}
    for _ in parents:  # as deep as there are steps
        for child, its in parents.items():
            for parent in its & children.keys():
                children[parent] |= {child, *children[child]}
    return children


COMMANDS: tuple[Command, ...] = (
    RUN,
    GATE,
    ("plan",),
    ("store", "size"),
    ("report",),
    ("compare", "reports/latest", "reports/latest"),
    ("history",),
    ("baseline", "show", "base.json"),
)


def _files(place: Place) -> Iterator[File]:
    """Every file with every command that reads it; of few files each counts several times."""
    show, compare = ("baseline", "show", "base.json"), ("compare", "reports/latest", "reports/latest")
    made, interrupted = place.project, place.interrupted
    found: list[tuple[Project, str, str, tuple[Command, ...], int]] = [
        (made, "artefact", ".qaml/store/artefacts/*/*/*", (RUN, ("plan",), ("store", "size")), 1),
        (interrupted, "checkpoint", ".qaml/store/checkpoints/*/checkpoint.safetensors", (RUN,), 6),
        (interrupted, "lock", ".qaml/store/locks/*.lock", (RUN,), 1),
        (made, "history", ".qaml/store/history/*.json", (RUN, ("history",), ("history",)), 1),
        (made, "baseline", "base.json", (GATE, show), 1),
        (made, "evidence", "base.npz", (GATE, show), 1),
        (made, "outcomes", "reports/latest/outcomes.json", (("report",), compare, RUN), 6),
        (made, "media", "reports/latest/media/*", (("report",), compare, RUN), 1),
    ]
    for project, kind, pattern, commands, times in found:
        labelled = sorted(
            (_label(path, f"{kind} {number}"), path) for number, path in enumerate(sorted(project.root.glob(pattern)))
        )
        for label, path in labelled * times:
            yield from _of_one(path.relative_to(project.root), label, kind, commands)


def _label(path: Path, otherwise: str) -> str:
    """What the file is of, or a name without keys and times."""
    manifest = path.with_name("manifest.json")
    if manifest.exists():
        return f"{path.name} of {json.loads(manifest.read_bytes())['provenance']['title']}"
    if path.suffix == ".png":
        return re.sub(r"^[0-9a-f]{16}-", "", path.name)
    return path.name if path.name[:4] in ("base", "outc") else otherwise


def _of_one(path: Path, label: str, kind: str, commands: tuple[Command, ...]) -> Iterator[File]:
    if kind == "artefact":
        kind = "manifest" if path.name == "manifest.json" else kind
        yield File(path, label, kind, RUN, is_read=True)
    for command in commands:
        yield File(path, label, kind, command)


def _try(place: Place, damage: Damage) -> Seen:
    file = damage.file
    of = place.interrupted if file.kind in ("checkpoint", "lock") else place.project
    project = of.copy(place.peace.place())
    key = _key(file)
    if file.is_read:
        _remove_children(place, project, key)
    prepare = _damage(project, damage)
    before = project.artefacts()
    ended = run(action_of(file.command), project.root, prepare)
    kept = before.keys() - (set() if damage.how in UNREADABLE else {key})
    after = project.artefacts()
    faults = [f"sound artefact deleted: {each[:12]}" for each in kept if _made(after, each) != before[each].made]
    word = _judged(place, project, damage, ended)
    faults += [word] if word not in ("harmless", "as alone", "noticed", "forgotten") else []
    if file.kind not in PEOPLES and not (damage.how == "folder" and file.kind == "lock"):
        _remove_children(place, project, key)
        again = run(pytest_run("-n0"), project.root)  # whatever it was: it ends here
        faults += [f"blocked: {each}" for each in place.peace.differences(project, again, but_for=file.path)]
    if not faults:
        project.remove()
    return Seen(faults[:4], "" if faults else word, words(ended))


def _key(file: File) -> str:
    return file.path.parent.name if file.kind in ("artefact", "manifest") else ""


def _remove_children(place: Place, project: Project, key: str) -> None:
    """Everything made of an artefact, so that the next run reads it."""
    for child in place.children.get(key, ()):
        shutil.rmtree(project.store / "artefacts" / child[:2] / child, ignore_errors=True)


def _made(artefacts: dict[str, Any], key: str) -> int | None:
    return artefacts[key].made if key in artefacts else None


def _judged(place: Place, project: Project, damage: Damage, ended: Ended) -> str:
    """What the command made of it, in a word, or what is wrong with that."""
    if ended.has_traceback:
        return "traceback"
    if ended.code not in (0, 1, 2, 4) or ended.is_late:
        return f"exit code {ended.code}"
    is_run = damage.file.command[0] == "pytest"
    if is_run and ended.code == 0:
        differences = place.peace.differences(
            project, ended, may_lack=bool(_key(damage.file)) and not damage.file.is_read, but_for=damage.file.path
        )
        if differences:
            return f"believed: {differences[0]}"
        is_same = damage.file.command == RUN or _gate(_printed(ended)) == _gate(place.said[GATE])
        return "as alone" if is_same else "noticed" if _is_named(damage, ended) else "believed: another answer"
    if ended.code == 0 and _printed(ended) == place.said[damage.file.command]:
        return "harmless"
    if ended.code == 0 and damage.file.kind in ("artefact", "manifest") and not is_run:
        return "noticed"  # plan and size tell what is there
    if ended.code == 0 and damage.file.kind == "history" and damage.how == "delete":
        return "forgotten"  # files of their own do not tell how many there were
    if ended.code == 0:
        return "noticed" if _is_named(damage, ended) else "believed: another answer"
    return "noticed" if _is_named(damage, ended) else f"not in words: {words(ended, 100)}"


def _is_named(damage: Damage, ended: Ended) -> bool:
    """Whether the output says what is wrong with what."""
    path = damage.file.path
    names = (path.name, f"{path.stem}.npz", path.parent.name[:12] if len(path.parent.name) == 64 else path.name)
    reasons = (
        "damaged",
        "cannot read",
        "cannot be read",
        "cannot write",
        "is no",
        "is missing",
        "is not",
        "has not written",
        "changed",
        "permission",
        "i/o",
    )
    said = ended.out
    return any(name in said for name in names) and any(reason in said.lower() for reason in reasons)


def _printed(ended: Ended) -> str:
    return CHANGING.sub("·", ended.out)


def _gate(said: str) -> str:
    """What is said after the report, of the baseline."""
    return said.partition("report: ")[2]


def action_of(command: Command) -> Action:
    return pytest_run(*command[1:]) if command[0] == "pytest" else qaml_command(*command)


def _damage(project: Project, damage: Damage) -> Any:
    """Damage the file now, or return what makes it unreadable in a process."""
    path, source = project.root / damage.file.path, random.Random(damage.seed)
    if damage.how in UNREADABLE:
        return partial(_cannot_be_read, path, getattr(errno, damage.how))
    content = bytearray(path.read_bytes())
    if damage.how == "flip" and content:
        place = source.randrange(8 * len(content))
        content[place // 8] ^= 1 << place % 8
    elif damage.how == "truncate":
        content = content[: source.randrange(len(content) or 1)]
    elif damage.how == "empty":
        content.clear()
    elif damage.how == "swap":
        content = bytearray(_another(project, path, source).read_bytes())
    if damage.how in ("delete", "folder"):
        path.unlink()
    if damage.how == "folder":
        path.mkdir()
    elif damage.how != "delete":
        path.write_bytes(content)
    return lambda: None


def _another(project: Project, path: Path, source: random.Random) -> Path:
    """A sound file of the same kind, of something else; the file itself where there is no other."""
    if path.parent == project.root:
        return path.with_name(path.name.replace("base", "other"))
    around = path.parents[2] if path.parent.parent.name != "checkpoints" and path.suffix != ".lock" else path.parents[1]
    others = [p for p in sorted(around.rglob(f"*{path.suffix}")) if p.is_file() and p.name == path.name and p != path]
    others = others or [p for p in sorted(path.parent.glob(f"*{path.suffix}")) if p.is_file() and p != path]
    return source.choice(others) if others else path


def _cannot_be_read(path: Path, code: int) -> None:
    """In this process, opening the file fails."""
    wanted = os.path.abspath(path)  # noqa: PTH100

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        name = arguments[0] if event == "open" else None
        if isinstance(name, (str, os.PathLike)) and os.path.abspath(os.fspath(name)) == wanted:  # noqa: PTH100
            raise OSError(code, os.strerror(code), str(path))

    sys.addaudithook(hook)
