"""Runs that are refused something at a writing step: space, inodes, a quota, writing at all, descriptors, memory."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tests.campaign.faults.attempt import Peace, Planned, Seen, stratified, words
from tests.campaign.faults.damage import COMMANDS, action_of
from tests.campaign.faults.events import at_event
from tests.campaign.faults.project import Project
from tests.campaign.faults.warm import Ended, pytest_run, run

ROW = "exhaustion"
REFUSALS = ("ENOSPC", "EDQUOT", "EROFS", "EMFILE", "ENOMEM", "EACCES", "EIO")
IN_WORDS = (
    "no space left",
    "quota exceeded",
    "read-only file system",
    "too many open files",
    "cannot allocate memory",
    "can't allocate memory",
    "out of memory",
    "not enough memory",
    "permission denied",
    "input/output error",
    "file too large",
    "cannot write",
    "cannot read",
)
DOCUMENTED = (1, 2, 4)
"""Exit codes: claims failed, bad input, a usage error."""
SIZES = ("tmpfs size", "tmpfs inodes")
LIMITS = {"RLIMIT_FSIZE": 80_000, "RLIMIT_NOFILE": 6, "RLIMIT_AS": 30}
"""From nothing to about what a run needs: bytes of a file, descriptors beside those that are open, MiB of memory."""
PLACES = (".qaml", "reports")


class Scarce(NamedTuple):
    """What there is too little of, how little (a share of what a run needs, or of its file events), and where."""

    what: str
    share: float
    where: str = "."


def every_exhaustion(peace: Peace, n: int) -> Iterator[Planned]:
    """``n`` tries, two thirds of them refusals at file events; real file systems only where one may be mounted."""
    kinds = [*REFUSALS, *(f"{name} once" for name in REFUSALS), *LIMITS]
    if can_mount(peace.folder):
        kinds += [*SIZES, "tmpfs read-only"] * 2
    shares = stratified(n, seed=16)
    for i in range(n):
        what = kinds[i % len(kinds)]
        place = PLACES[i // len(kinds) % 2] if "tmpfs" in what else "."
        scarce = Scarce(what, next(shares), place)
        name = f"{ROW} {i}: {what} at {scarce.share:.3f} in {place}"
        yield Planned(name, ROW, what.removesuffix(" once"), partial(_try, peace, scarce, i % 3 == 2))


def _try(peace: Peace, scarce: Scarce, is_cached: bool) -> Seen:
    project = peace.copy() if is_cached else peace.fresh()
    if is_cached:
        project.spoil_report()
    before = project.contents()
    with _surroundings(peace, project, scarce) as mend:
        ended = run(pytest_run("-n0"), project.root, _limits(peace, project, scarce, is_cached))
        faults = _told(peace, project, ended)
        if "once" not in scarce.what:
            lost = [key for key, files in before.items() if project.contents().get(key) != files]
            faults += [f"lost: {key[:12]}" for key in lost]
        if scarce.what == "tmpfs read-only" and is_cached:
            faults += _looked_at(project)
        mend()
        faults += [f"afterwards: {each}" for each in peace.differences(project, run(pytest_run("-n0"), project.root))]
    if not faults:
        project.remove()
    return Seen(faults, "as alone" if ended.code == 0 else "told", words(ended))


def _told(peace: Peace, project: Project, ended: Ended) -> list[str]:
    """Whether a run that was refused something says so; one that was not must be as in peace."""
    if ended.has_traceback:
        return [f"traceback: {words(ended, 200)}"]
    if ended.code == 0:
        return peace.differences(project, ended)
    if ended.code not in DOCUMENTED or ended.is_late:
        return [f"exit code {ended.code}: {words(ended, 200)}"]
    is_told = any(word in ended.out.lower() for word in IN_WORDS)
    return [] if is_told else [f"not in words: {words(ended, 200)}"]


def _looked_at(project: Project) -> list[str]:
    """Commands that only read work where nothing can be written."""
    reading = [command for command in COMMANDS if command[0] in ("plan", "store", "compare", "history")]
    ends = {command: run(action_of(command), project.root) for command in reading}
    return [f"{' '.join(c)}: {words(ended, 100)}" for c, ended in ends.items() if ended.code or ended.has_traceback]


def _limits(peace: Peace, project: Project, scarce: Scarce, is_cached: bool) -> Callable[[], None]:
    """What the process does to itself before it runs."""
    name, _, once = scarce.what.partition(" ")
    if name in REFUSALS:
        code = getattr(errno, name)
        number = int(scarce.share * (peace.n_cached_events if is_cached else peace.n_events))
        return partial(at_event, number, project.root, partial(_refuse, code), is_once=bool(once))
    if name in LIMITS:
        return partial(_limit, name, int(scarce.share * LIMITS[name]))
    return lambda: None


def _refuse(code: int, event: str) -> None:
    raise OSError(code, os.strerror(code), event.partition(" ")[2])


def _limit(name: str, more: int) -> None:
    used = {
        "RLIMIT_FSIZE": 0,
        "RLIMIT_NOFILE": 1 + max(int(path.name) for path in Path("/proc/self/fd").iterdir()),
        "RLIMIT_AS": int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize(),
    }[name]
    limit = used + more * (2**20 if name == "RLIMIT_AS" else 1)
    resource.setrlimit(getattr(resource, name), (limit, limit))


@contextmanager
def _surroundings(peace: Peace, project: Project, scarce: Scarce) -> Iterator[Callable[[], None]]:
    """A small file system where the project writes; ``mend`` makes it large."""
    if not scarce.what.startswith("tmpfs"):
        yield lambda: None
        return
    folder = project.root / scarce.where
    there = [path.lstat().st_blocks / 2 for path in (peace.project.root / scarce.where).rglob("*")]
    options = {
        "tmpfs size": f"size={int(4 + 1.1 * scarce.share * sum(there))}k",
        "tmpfs inodes": f"nr_inodes={int(2 + 1.1 * scarce.share * len(there))}",
        "tmpfs read-only": "size=16m",
    }
    aside = project.root / "aside"
    if folder.exists():
        folder.rename(aside)
    folder.mkdir()
    mount(folder, "size=16m")
    try:
        if aside.exists():
            _fill(aside, folder)
        with suppress(OSError):  # less than there is already
            mount(folder, options[scarce.what], MS_REMOUNT | MS_RDONLY * (scarce.what == "tmpfs read-only"))
        yield lambda: mount(folder, "size=16m,nr_inodes=9999", MS_REMOUNT)
    finally:
        unmount(folder)


def _fill(source: Path, target: Path) -> None:
    shutil.copytree(source, target, dirs_exist_ok=True)
    shutil.rmtree(source)


MS_RDONLY, MS_REMOUNT = 1, 32


def can_mount(folder: Path) -> bool:
    """Whether this process may mount a file system in memory."""
    probe = folder / "mount"
    probe.mkdir(exist_ok=True)
    try:
        mount(probe, "size=64k")
    except OSError:
        return False
    unmount(probe)
    return True


def mount(folder: Path, options: str, flags: int = 0) -> None:
    """Mount a file system in memory, or change its size.

    Raises:
        OSError: it is not allowed.
    """
    _checked(_libc().mount(b"tmpfs", os.fsencode(folder), b"tmpfs", flags, options.encode()), folder)


def unmount(folder: Path) -> None:
    """At once, whoever is in it."""
    _checked(_libc().umount2(os.fsencode(folder), 2), folder)


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, folder: Path) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(folder))
