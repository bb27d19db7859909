"""``outcomes.json`` on disk, plain or packed, and the merging of a long run's shards, where later answers stay."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from qaml.errors import StoreError
from qaml.files.checksum import Unsealed, seal
from qaml.files.packed import pack, unpack
from qaml.files.regular import digest_regular, read_regular
from qaml.files.write import store_errors, write_durably
from qaml.outcome.belongings import MOST_MEDIUM, OUTCOMES, PACKED, files, is_inside
from qaml.outcome.folder import tidy
from qaml.outcome.outcome import FORMAT, Failure, Media, Outcome, Outcomes, ReportedCell, ReportedValues, SuiteInfo
from qaml.outcome.past import CellChange, Past, Regression
from qaml.outcome.record import MOST_BYTES, LargeRecordError, RecordError, check_size, parse_record
from qaml.outcome.upgrade import VersionError, current
from qaml.text import some
from qaml.vocab import CELL_STATUSES

FILE_NAME = OUTCOMES
_RESTORE = "restore it, or run the claims again; what is accepted on purpose belongs into the specs"


_FEWER = "write a report for every suite, or for fewer claims"


def save(outcomes: Outcomes, folder: Path, *, is_packed: bool = False) -> Path:
    """Write ``outcomes.json`` into the folder that holds the media, with the checksum of every picture it shows.

    Args:
        outcomes: to write.
        folder: to write to.
        is_packed: whether as ``outcomes.json.xz``, with the checksum of every file that is in the folder.

    Returns:
        The path of the file.

    Raises:
        StoreError: a picture is missing.
        OSError: the folder cannot be written.
    """
    names = sorted(files(folder)) if is_packed else media_names(outcomes)
    media = tuple(Media(path=name, sha256=_digest(folder, name)) for name in names)
    target = folder / (PACKED if is_packed else FILE_NAME)
    content = seal(text_of(outcomes.model_copy(update={"media": media}))).encode("utf-8", "replace")
    write_durably(target, pack(content) if is_packed else content)
    return target


def text_of(outcomes: Outcomes) -> str:
    """The text of ``outcomes.json`` without its checksum: a line for each field, in the order of the record."""
    return outcomes.model_dump_json(indent=1) + "\n"


def too_large(folder: Path) -> str:
    """Why the outcomes in a folder cannot be read again although they were written; empty where they can."""
    file = outcomes_file(folder)
    try:
        check_size(_read(file))
    except LargeRecordError as error:
        why = f"{file} is too large: {error}"
    except StoreError as error:
        why = error.message
    else:
        return ""
    return f"{why}; the pages are whole, but it cannot be compared, merged or rendered again: {_FEWER}"


def media_names(outcomes: Outcomes) -> list[str]:
    """The name of every file beside the outcomes."""
    return sorted({m.path for m in outcomes.media} | set(_pictures(outcomes.outcomes)))


def load(path: Path) -> Outcomes:
    """Read outcomes from a file or from its folder; verify it, and the media beside it.

    Raises:
        StoreError: there is no such file, it was edited, is damaged or of another qaml's version, or a medium is
            missing or not what it was.
    """
    with _read_errors(path):
        if not path.exists():  # a run may have died while the folder had no name
            for folder in (path, path.parent):
                tidy(Path(os.path.realpath(folder)))
        file = outcomes_file(path)
    content = _read(file)
    while True:
        outcomes = _parse(content, file)
        try:
            _check_media(outcomes, file)
        except StoreError:
            before, content = content, _read(file)
            if content == before:  # otherwise another run has exchanged the folder meanwhile
                raise
        else:
            return outcomes


def outcomes_file(path: Path) -> Path:
    """The file of outcomes: the path itself, or in a folder ``outcomes.json``, else the packed one if there is one."""
    if not path.is_dir():
        return path
    plain, packed = path / FILE_NAME, path / PACKED
    return packed if packed.exists() and not plain.exists() else plain


def _read_errors(path: Path) -> AbstractContextManager[None]:
    return store_errors("read", path, hint="check the path and its permissions")


def _read(file: Path) -> bytes:
    with _read_errors(file):
        try:
            content = read_regular(file, MOST_BYTES)
            return unpack(content, MOST_BYTES) if file.suffix == ".xz" else content
        except ValueError as error:
            raise StoreError(f"{file} is damaged: {error}", _RESTORE) from error
        except OSError as error:
            if error.errno != errno.EFBIG:
                raise
            raise StoreError(f"{file} is too large: expected at most {MOST_BYTES:,} bytes", _FEWER) from error


def _check_media(outcomes: Outcomes, file: Path) -> None:
    digests = {name: _digest(file.parent, name) for name in dict.fromkeys(m.path for m in outcomes.media)}
    damaged = [m.path for m in outcomes.media if digests[m.path] != m.sha256]
    if damaged:
        raise StoreError(
            f"{file}: {some(damaged)} changed since the outcomes were written",
            "restore the folder, or run the claims again",
        )


def _parse(content: bytes, file: Path) -> Outcomes:
    try:
        return parse_record(Outcomes, current(content, FORMAT))
    except VersionError as error:
        hint = "read it with the qaml that wrote it, or run the claims again"
        raise StoreError(f"{file} {error}", hint) from error
    except Unsealed as error:
        raise StoreError(f"{file} {error}", _RESTORE) from error
    except LargeRecordError as error:
        raise StoreError(f"{file} is too large: {error}", _FEWER) from error
    except RecordError as error:
        raise StoreError(f"{file} is damaged: {error}", "run the claims again") from error


def merge(shards: Sequence[Outcomes]) -> Outcomes:
    """Merge shards; of two answers about a claim the one in the later shard stays.

    Suites' tables are filled from every shard, run times add up, media of replaced claims are dropped.

    Raises:
        StoreError: no shard, different profiles, or two different files under one path.
    """
    if not shards:
        raise StoreError("there are no outcomes to merge", "name at least one outcomes.json")
    profiles = sorted({shard.profile for shard in shards})
    if len(profiles) > 1:
        raise StoreError(f"cannot merge outcomes of different profiles: {', '.join(profiles)}", "merge each by itself")
    answers: dict[tuple[str, str], Outcome | Failure] = {}
    for shard in shards:
        answers |= {(o.suite, o.id): o for o in shard.outcomes}
        for failure in shard.failures:
            if failure.is_reached or (failure.suite, failure.id) not in answers:
                answers[failure.suite, failure.id] = failure
    claims = tuple(a for a in answers.values() if isinstance(a, Outcome))
    return Outcomes(
        created=max(shard.created for shard in shards),
        profile=shards[-1].profile,
        seconds=sum(shard.seconds for shard in shards),
        suites=_merge_suites(shards),
        outcomes=claims,
        failures=tuple(a for a in answers.values() if isinstance(a, Failure)),
        media=_merge_media(shards, set(_pictures(claims))),
        earlier=_merge_earlier(shards),
        regression=_merge_regressions(shards),
    )


def _merge_earlier(shards: Sequence[Outcomes]) -> tuple[Past, ...]:
    """Every earlier run once, with what any shard knows of it; a shard is no earlier run of another one."""
    own = {shard.created for shard in shards}
    merged: dict[tuple[str, str | None], Past] = {}
    for past in (past for shard in shards for past in shard.earlier if past.created not in own):
        known = merged.get((past.created, past.commit), past)
        parts = {name: {**getattr(known, name), **getattr(past, name)} for name in ("cells", "metrics", "verdicts")}
        merged[past.created, past.commit] = past.model_copy(update=parts)
    return tuple(sorted(merged.values(), key=lambda past: past.created))


def _merge_regressions(shards: Sequence[Outcomes]) -> Regression | None:
    """The cells of all shards that were held against the last one's baseline: a cell that any shard measured counts.

    Each shard may be wrong with the chance of its level, so these add up.
    """
    found = [shard.regression for shard in shards if shard.regression is not None]
    found = [each for each in found if each.created == found[-1].created]
    if not found:
        return None
    cells: dict[str, CellChange] = {}
    for change in (change for each in found for change in each.changes):
        if change.status != "vanished" or change.cell not in cells:
            cells[change.cell] = change
    order = CELL_STATUSES.index
    changes = sorted(cells.values(), key=lambda change: (order(change.status), change.cell))
    update = {"changes": tuple(changes), "level": min(sum(each.level for each in found), 1.0)}
    failures = dict.fromkeys(each.failure for each in found if each.failure)
    return found[-1].model_copy(update={**update, "failure": "; ".join(failures)})


class Merged(NamedTuple):
    """Merged outcomes, and the files beside them: path in the report → file."""

    outcomes: Outcomes
    pictures: dict[str, Path]


def merge_folders(sources: Sequence[Path]) -> Merged:
    """Load shards from their folders; of their media those that are still shown.

    Raises:
        StoreError: as ``load`` and ``merge``.
    """
    shards = [load(path) for path in sources]
    folders = [path if path.is_dir() else path.parent for path in sources]
    merged = merge(shards)
    origin = {m.path: folder for folder, shard in zip(folders, shards, strict=True) for m in shard.media}
    return Merged(merged, {medium.path: origin[medium.path] / medium.path for medium in merged.media})


def _merge_suites(shards: Sequence[Outcomes]) -> tuple[SuiteInfo, ...]:
    """The later shard's words, but the summary of the one with most claims: its numbers were filled in from them."""
    merged: dict[str, SuiteInfo] = {}
    fullest: dict[str, int] = {}
    for shard in shards:
        for info in shard.suites:
            earlier, n_claims = merged.get(info.name), sum(o.suite == info.name for o in shard.outcomes)
            merged[info.name] = info if earlier is None else _merge_suite(earlier, info)
            if earlier is not None and earlier.summary and n_claims < fullest[info.name]:
                merged[info.name] = merged[info.name].model_copy(update={"summary": earlier.summary})
            fullest[info.name] = max(n_claims, fullest.get(info.name, 0))
    return tuple(merged.values())


def _merge_suite(earlier: SuiteInfo, later: SuiteInfo) -> SuiteInfo:
    before = {table.name: table for table in earlier.tables}
    tables = tuple(_merge_table(before.pop(table.name, None), table) for table in later.tables)
    assumed = {**earlier.assumed, **later.assumed}
    summary = later.summary or earlier.summary
    return later.model_copy(update={"tables": (*tables, *before.values()), "assumed": assumed, "summary": summary})


def _merge_table(earlier: ReportedValues | None, later: ReportedValues) -> ReportedValues:
    if earlier is None:
        return later
    before = {(c.attack, c.model): c for c in earlier.cells}
    cells = tuple(_merge_cell(before.pop((c.attack, c.model), None), c) for c in later.cells)
    return later.model_copy(update={"cells": (*cells, *before.values())})


def _merge_cell(earlier: ReportedCell | None, later: ReportedCell) -> ReportedCell:
    return later if later.ours is not None or earlier is None else earlier


def _merge_media(shards: Sequence[Outcomes], shown: set[str]) -> tuple[Media, ...]:
    found: dict[str, Media] = {}
    for medium in (m for shard in shards for m in shard.media if m.path in shown):
        if found.setdefault(medium.path, medium).sha256 != medium.sha256:
            raise StoreError(
                f"two shards hold different files under {medium.path}", "run the shards with the same version of qaml"
            )
    return tuple(found[path] for path in sorted(found))


def _pictures(claims: Iterable[Outcome]) -> list[str]:
    shown = list(claims)
    pictures = (p for claim in shown for strip in claim.strips for p in strip.pictures)
    files = [file for p in pictures for file in (p.clean, p.adversarial, p.perturbation)]
    return files + [embedding.file for claim in shown for embedding in claim.embeddings]


def _digest(folder: Path, name: str) -> str:
    if not is_inside(name):
        raise StoreError(f"the medium {name!r} is not inside the report's folder", "run the claims again")
    try:
        return digest_regular(folder / name, MOST_MEDIUM)
    except (OSError, ValueError) as error:
        raise StoreError(f"the medium {folder / name} cannot be read: {error}", "run the claims again") from error
