"""``outcomes.json`` on disk, and the shards of a long run put together: the later answer about a claim stays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from qaml.errors import StoreError
from qaml.judge.outcome import (
    SCHEMA_VERSION,
    Failure,
    Media,
    Outcome,
    Outcomes,
    ReportedCell,
    ReportedValues,
    SuiteInfo,
)
from qaml.judge.past import CellChange, Past, Regression
from qaml.run.files import store_errors, write
from qaml.vocab import CELL_STATUSES

FILE_NAME = "outcomes.json"


def save(outcomes: Outcomes, folder: Path) -> Path:
    """Write ``outcomes.json`` into the folder that holds the media, with the checksum of every picture it shows.

    Returns:
        The path of the file.

    Raises:
        StoreError: the folder cannot be written, or a picture is missing.
    """
    listed = {m.path for m in outcomes.media} | set(_pictures(outcomes.outcomes))
    media = tuple(Media(path=name, sha256=_digest(folder, name)) for name in sorted(listed))
    target = folder / FILE_NAME
    write(target, outcomes.model_copy(update={"media": media}).model_dump_json(indent=1) + "\n")
    return target


def load(path: Path) -> Outcomes:
    """Read outcomes from a file or from the folder it lies in, and verify the media beside it.

    Raises:
        StoreError: there is no such file, it is damaged or of another schema version, or a medium is missing or
            not what it was.
    """
    file = path / FILE_NAME if path.is_dir() else path
    with store_errors("read", file):
        content = file.read_bytes()
    outcomes = _parse(content, file)
    damaged = [m.path for m in outcomes.media if _digest(file.parent, m.path) != m.sha256]
    if damaged:
        more = f" and {len(damaged) - 3} more" if len(damaged) > 3 else ""
        raise StoreError(
            f"{file}: {', '.join(damaged[:3])}{more} changed since the outcomes were written",
            "restore the folder, or run the claims again",
        )
    return outcomes


def _parse(content: bytes, file: Path) -> Outcomes:
    try:
        raw = json.loads(content)
        version = raw["schema_version"] if isinstance(raw, dict) else None
    except (ValueError, KeyError, RecursionError) as error:
        raise StoreError(f"{file} is not a file of outcomes, or it is damaged", "run the claims again") from error
    _check_version(version, str(file))
    try:
        return Outcomes.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StoreError(f"{file} is damaged: {where}: {first['msg'].lower()}", "run the claims again") from error


def _check_version(version: object, where: str) -> None:
    if version != SCHEMA_VERSION:
        raise StoreError(
            f"{where} has schema version {version!r}, expected {SCHEMA_VERSION}",
            "read it with the qaml that wrote it, or run the claims again",
        )


def merge(shards: Sequence[Outcomes]) -> Outcomes:
    """Put shards together; of two answers about a claim the one in the later shard stays.

    Suites' tables are filled from every shard, run times add up, media of replaced claims are dropped.

    Raises:
        StoreError: no shard, different profiles or schema versions, or two different files under one path.
    """
    if not shards:
        raise StoreError("there are no outcomes to merge", "name at least one outcomes.json")
    for i, shard in enumerate(shards, 1):
        _check_version(shard.schema_version, f"shard {i}")
    profiles = sorted({shard.profile for shard in shards})
    if len(profiles) > 1:
        raise StoreError(f"cannot merge outcomes of different profiles: {', '.join(profiles)}", "merge each by itself")
    answers: dict[tuple[str, str], Outcome | Failure] = {}
    for shard in shards:
        answers |= {(o.suite, o.id): o for o in shard.outcomes} | {(f.suite, f.id): f for f in shard.failures}
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


def merge_folders(sources: Sequence[Path], target: Path) -> Outcomes:
    """Load shards from their folders, copy the media that are still shown, and save the whole in ``target``.

    Raises:
        StoreError: as ``load``, ``merge`` and ``save``.
    """
    folders = [path if path.is_dir() else path.parent for path in sources]
    shards = [load(path) for path in sources]
    merged = merge(shards)
    origin = {m.path: folder for folder, shard in zip(folders, shards, strict=True) for m in shard.media}
    for medium in merged.media:
        source = origin[medium.path] / medium.path
        if source.resolve() != (target / medium.path).resolve():
            with store_errors("read", source):
                content = source.read_bytes()
            write(target / medium.path, content)
    save(merged, target)
    return load(target)


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
    inside = PurePosixPath(name)
    if inside.is_absolute() or ".." in inside.parts or not inside.parts:
        raise StoreError(f"the medium {name!r} is not inside the report's folder", "run the claims again")
    try:
        return hashlib.sha256((folder / inside).read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise StoreError(f"the medium {folder / inside} cannot be read: {error}", "run the claims again") from error
