"""The folder of a report or a comparison: built beside the former one and exchanged as a whole; files of others stay.

- A folder of qaml's is exchanged in one step, so a reader sees one whole report, old or new, however the run ends. A
few files of the user in it are carried over.
- Where that is impossible (a mount, a parent that may not be written, the working directory, a folder full of other
things)
  everything is written in a hidden folder and then moved in file by file, pictures first, ``index.html`` last.

Who builds locks the new folder, and the system releases that when the process dies: an unlocked one is a leftover.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from qaml.errors import StoreError
from qaml.files.exchange import exchange
from qaml.files.hold import hold
from qaml.files.write import store_errors, write
from qaml.outcome import belongings
from qaml.outcome.belongings import LIST, OUTCOMES, PACKED, list_of, printed
from qaml.text import some

INDEX = "index.html"
_HINT = (
    "free some space, or name another with --qaml-report (qaml report: --output); what was judged is in the store: "
    "the same command again computes nothing"
)
_MOST_CARRIED = 100
"""Most files of the user that are carried over; a folder with more is kept, and the report is written into it."""
_PATIENCE = 30.0
"""Seconds to wait for another run that swaps the same folder."""
_PAUSE = 0.02
_ABANDONED = 86400.0
"""Seconds after which a hidden folder is abandoned, where the file system has no locks."""
_NOT_WHOLE = {errno.EXDEV, errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS, errno.EMLINK, errno.EINVAL}
_NOT_WHOLE |= {errno.ENOTSUP, errno.EOPNOTSUPP}
"""Error numbers where folders cannot be exchanged, or a file cannot have two names."""


_BETWEEN = {errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST}
"""Error numbers while another run is between two renames."""


@contextmanager
def built(folder: Path, imprint: Callable[[Path], Mapping[str, str]] | None = None) -> Iterator[Path]:
    """A folder to write to, whose files become those of ``folder`` when the block ends without an exception.

    After an exception, or if the process is killed, ``folder`` is unchanged.

    Args:
        folder: the final folder.
        imprint: called with the whole new folder; returns the imprint that its list of files gets.

    Raises:
        StoreError: the folder cannot be written, or a user's file has the name of a new one.
    """
    with store_errors("write", folder, "the report folder ", _HINT):
        final = Path(os.path.realpath(folder))
        final.parent.mkdir(parents=True, exist_ok=True)
        tidy(final)
        try:
            with _stage(final) as stage:
                yield stage
                marks = imprint(stage) if imprint is not None else {}
                (stage / LIST).write_text(printed(stage, marks), encoding="ascii")
                _swap(stage, final)
        finally:
            tidy(final)


def tidy(final: Path) -> None:
    """Delete what killed runs have left beside or in a folder; bring it back where one died while it had no name."""
    for leftover in sorted(_leftovers(final), key=_age):
        with suppress(OSError), hold(leftover) as state:
            if state == "busy" or (state == "unknown" and _age(leftover) < _ABANDONED):
                continue
            if not os.path.lexists(final) and belongings.listed(leftover) is not None:
                leftover.rename(final)
            else:
                _discard(leftover, final)


def _leftovers(final: Path) -> list[Path]:
    pattern = re.compile(re.escape(_hidden(final)) + "[0-9a-f]{12}")
    found = []
    for place in (final.parent, final):
        with suppress(OSError), os.scandir(place) as entries:
            found += [place / entry.name for entry in entries if pattern.fullmatch(entry.name) and entry.is_dir()]
    return found


def _hidden(final: Path) -> str:
    return f".{final.name[:50]}.qaml-"


def _new_name(final: Path) -> str:
    return _hidden(final) + uuid.uuid4().hex[:12]


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


@contextmanager
def _stage(final: Path) -> Iterator[Path]:
    """A new folder, locked: beside the final one, or in it where that one has to stay."""
    place = final if _has_to_stay(final) else final.parent
    while True:
        stage = place / _new_name(final)
        stage.mkdir()
        with hold(stage) as state:
            if state == "busy" or not stage.is_dir():  # taken for a leftover before it was locked
                continue
            yield stage
            return


def _has_to_stay(final: Path) -> bool:
    if not final.is_dir():
        return False
    if not os.access(final.parent, os.W_OK | os.X_OK) or final.is_mount() or _is_here(final):
        return True
    if not os.access(final, os.W_OK):  # it could be moved nevertheless, but its owner has protected it
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(final))
    return False


def _is_here(final: Path) -> bool:
    """Whether the working directory is in the folder."""
    try:
        return Path.cwd().is_relative_to(final)
    except OSError:  # it is gone
        return False


def _swap(stage: Path, final: Path) -> None:
    """Make the new folder the final one."""
    new = belongings.files(stage)
    deadline = time.monotonic() + _PATIENCE
    while not _is_first(stage, final):
        with hold(final, _PATIENCE):
            try:
                before = belongings.ours(final)
                _check_free(final, new - before)
                if not _is_exchanged(stage, final, before):
                    _move_in(stage, final, before, new)
            except OSError as error:
                if error.errno not in _BETWEEN or time.monotonic() >= deadline:
                    raise
                time.sleep(_PAUSE)
            else:
                return


def _is_first(stage: Path, final: Path) -> bool:
    """Take the place of an absent or an empty folder; return whether it was one."""
    try:
        if final.is_dir():
            shutil.copymode(final, stage)
        stage.rename(final)
    except OSError as error:
        if error.errno not in _BETWEEN | _NOT_WHOLE:
            raise
        return False
    return True


def _is_exchanged(stage: Path, final: Path, before: set[str]) -> bool:
    """Exchange with a folder of qaml's; return whether that was possible."""
    if stage.parent != final.parent or _has_to_stay(final):
        return False
    try:
        if not _are_carried(final, stage, before):
            return False
        if belongings.listed(final) is None:
            write(final / LIST, list_of(before))
        exchange(stage, final, final.with_name(_new_name(final)))
    except OSError as error:
        if error.errno not in _NOT_WHOLE:
            raise
        return False
    return True


def _are_carried(final: Path, stage: Path, before: set[str]) -> bool:
    """Link a user's few files into the new folder; return whether these were all."""
    foreign: list[str] = []
    for name in belongings.walk(final):
        if name not in before:
            foreign.append(name)
        if len(foreign) > _MOST_CARRIED:
            return False
    for name in foreign:
        target = stage / name
        (target if name.endswith("/") else target.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            target.unlink(missing_ok=True)  # of a try before
            os.link(final / name, target, follow_symlinks=False)
    return True


def _check_free(final: Path, names: Iterable[str]) -> None:
    """Refuse to replace a user's files, and to write through a link in the place of an inner folder."""
    files = set(names)
    inner = {str(parent) for name in files for parent in PurePosixPath(name).parents} - {"."}
    there = [name for name in sorted(files | inner) if os.path.lexists(final / name)]
    taken = [name for name in there if name in files or not stat.S_ISDIR((final / name).lstat().st_mode)]
    if taken:
        raise StoreError(
            f"{final} holds files of the same names that qaml has not written: {some(taken)}",
            "name another report folder, or move them away",
        )


def _move_in(stage: Path, final: Path, before: set[str], new: set[str]) -> None:
    """Replace qaml's files by new ones, one by one; if this is interrupted, the list names all of them."""
    for parent in sorted({(final / name).parent for name in new}):
        parent.mkdir(parents=True, exist_ok=True)
    write(final / LIST, list_of(before | new))
    for name in sorted(new - {LIST}, key=_rank):
        try:
            (stage / name).replace(final / name)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            write(final / name, (stage / name).read_bytes())
    belongings.delete(final, before - new)
    write(final / LIST, (stage / LIST).read_bytes())


def _rank(name: str) -> tuple[int, str]:
    """The rank of a file: outcomes come after their pictures, the first page after the pages that it links to."""
    last = {OUTCOMES: 2, PACKED: 2, INDEX: 3}
    return last.get(name, 0 if name.startswith("media/") else 1), name


def _discard(leftover: Path, final: Path) -> None:
    """Delete a folder that was swapped out or never finished; files that a user has put there are moved back."""
    names = belongings.listed(leftover)
    if names is None:  # never finished
        shutil.rmtree(leftover)
        return
    belongings.delete(leftover, names & belongings.ours(leftover))
    others = belongings.files(leftover) - {LIST}
    for name in sorted(others):
        theirs, here = leftover / name, final / name
        if not os.path.lexists(here):
            here.parent.mkdir(parents=True, exist_ok=True)
            theirs.rename(here)
        elif os.path.samestat(theirs.lstat(), here.lstat()):
            theirs.unlink()
    if not belongings.files(leftover) - {LIST}:  # otherwise the list stays: without it all files would count as qaml's
        shutil.rmtree(leftover)
