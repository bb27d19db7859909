"""The outcomes of a session, gathered from the store for every report, with the paths of their pictures."""

from __future__ import annotations

import platform
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import qaml
from qaml.claims.reported import table_cell
from qaml.errors import QamlError
from qaml.outcome.drawings import EmbeddingDrawing, Picture, Strip
from qaml.outcome.outcome import (
    CellValue,
    Failure,
    Media,
    Outcome,
    Outcomes,
    Provenance,
    ReportedCell,
    ReportedValues,
    SuiteInfo,
)
from qaml.outcome.record import Interval
from qaml.plan.plan import ancestors
from qaml.run.store import Damaged, file_digest
from qaml.session.session import Session
from qaml.spec.suite import Suite

MEDIA = "media"


class Assembled(NamedTuple):
    """The outcomes of a session, gathered for a report.

    Attributes:
        outcomes: outcomes and failures, in the order of the specs.
        pictures: path in the report → file in the store.
        is_new: whether this session has made any artefact behind an outcome.
    """

    outcomes: Outcomes
    pictures: dict[str, Path]
    is_new: bool


def assemble(session: Session, claims: Mapping[str, str], failures: Iterable[Failure], seconds: float) -> Assembled:
    """Gather the outcomes of a session; artefacts deleted since they were judged are made again.

    Args:
        session: options, suites and store.
        claims: keys of the outcomes' artefacts → ``suite::id``; an outcome that cannot be made again is a failure, too.
        failures: claims without an outcome.
        seconds: wall time of the session.
    """
    session.cover(claims.values())
    found, lost = _found(session, claims)
    order = {claim.node: position for position, claim in enumerate(session.claims)}

    def position_of(record: Outcome | Failure) -> int:
        return order.get(f"{record.suite}::{record.id}", len(order))

    found.sort(key=position_of)
    media = _Media(session)
    origins = _Origins(session)
    complete = tuple(
        outcome.model_copy(
            update={
                "strips": media.strips(outcome),
                "embeddings": tuple(filter(None, map(media.embedding, outcome.embeddings))),
                "provenance": origins.of(outcome),
                "replay": session.replay(outcome),
            }
        )
        for outcome in found
    )
    judged = {outcome.suite for outcome in complete}
    outcomes = Outcomes(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        profile=session.options.profile,
        seconds=seconds,
        suites=tuple(_suite_info(suite, complete) for suite in session.suites if suite.name in judged),
        outcomes=complete,
        failures=tuple(sorted([*failures, *lost], key=position_of)),
        media=tuple(Media(path=path, sha256=digest) for path, digest in sorted(media.digests.items())),
    )
    return Assembled(outcomes, media.files, origins.is_new)


def _found(session: Session, claims: Mapping[str, str]) -> tuple[list[Outcome], list[Failure]]:
    """The outcomes, and the claims whose outcome was deleted between verdict and report and cannot be made again."""
    found, lost = [], []
    for key, claim in claims.items():
        try:
            found.append(_outcome(session, key, claim))
        except QamlError as error:
            planned, message = session.plan.claims[claim], f"{error.message}: run the claim again"
            lost.append(Failure(suite=planned.suite.name, id=planned.entry.id, message=message))
    return found, lost


def _outcome(session: Session, key: str, claim: str) -> Outcome:
    try:
        return session.judged(key)
    except Damaged:
        return session.outcome(claim)


class _Media:
    """Maps pictures of the store to their paths beside ``outcomes.json``, and keeps their checksums."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.store = session.store
        self.files: dict[str, Path] = {}
        self.digests: dict[str, str] = {}

    def strips(self, outcome: Outcome) -> tuple[Strip, ...]:
        """The strips whose pictures exist or can be made again; the others are left out, since they are no evidence."""
        try:
            return tuple(map(self.strip, outcome.strips))
        except Damaged:
            with suppress(QamlError):
                self.session.outcome(outcome.node)
        found = []
        for strip in outcome.strips:
            with suppress(Damaged):
                found.append(self.strip(strip))
        return tuple(found)

    def strip(self, strip: Strip) -> Strip:
        """The strip with its pictures named as in the report.

        Raises:
            Damaged: a picture is gone.
        """
        return strip.model_copy(update={"pictures": tuple(self.picture(picture) for picture in strip.pictures)})

    def embedding(self, drawing: EmbeddingDrawing) -> EmbeddingDrawing | None:
        """The drawing with its picture named as in the report; none where the picture is gone."""
        try:
            return drawing.model_copy(update={"file": self.named(drawing.file)})
        except Damaged:
            return None

    def picture(self, picture: Picture) -> Picture:
        names = ("clean", "adversarial", "perturbation")
        return picture.model_copy(update={name: self.named(getattr(picture, name)) for name in names})

    def named(self, name: str) -> str:
        """The path of ``key/file`` of the store, relative to the report.

        Raises:
            Damaged: the file is gone.
        """
        key, _, file = name.partition("/")
        relative = f"{MEDIA}/{key[:16]}-{file}"
        if relative not in self.files:
            path = self.store.read(key, file)
            try:
                self.digests[relative] = file_digest(path)
            except OSError as error:
                raise Damaged(key, f"{file} of artefact {key[:12]} cannot be read: {error}") from error
            self.files[relative] = path
        return relative


class _Origins:
    """The provenance of results; each manifest is read once for any number of outcomes."""

    def __init__(self, session: Session) -> None:
        self.plan = session.plan
        self.store = session.store
        self.commit = checkout()
        self.is_new = False
        self._known: dict[str, Mapping[str, Any]] = {}

    def of(self, outcome: Outcome) -> Provenance:
        """The provenance of an outcome: every artefact behind it, and the environment that made them."""
        claim = self.plan.claims[outcome.node]
        steps = ancestors(self.plan, claim.judge.key)
        made = [self._provenance(key) for key in steps]
        n_titled = Counter(step.title for step in steps.values())  # of several suites two may have one title
        versions: dict[str, str] = {}
        for each in made:
            versions |= each.get("versions", {})
        return outcome.provenance.model_copy(
            update={
                "artefacts": {
                    step.title if n_titled[step.title] == 1 else f"{step.title} ({key[:8]})": key
                    for key, step in steps.items()
                },
                "versions": dict(sorted(versions.items())) | {"python": platform.python_version()},
                "data": {name: key[:16] for key in steps if (name := claim.datasets.get(key)) is not None},
                "commit": self.commit,
                "machine": "; ".join(sorted({str(each["machine"]) for each in made if "machine" in each})),
                "seconds": sum(each.get("seconds", 0.0) for each in made),
            }
        )

    def _provenance(self, key: str) -> Mapping[str, Any]:
        if key not in self._known:
            try:
                manifest = self.store.manifest(key)
                self.is_new |= manifest.session == self.store.session
                self._known[key] = manifest.provenance
            except Damaged:  # or gone: not read for this claim, whose result is cached; rebuilt when it is
                self._known[key] = {}
        return self._known[key]


def checkout() -> str | None:
    """The commit of the qaml checkout, with ``+`` if it has changes; ``None`` outside a checkout."""
    folder = Path(qaml.__file__).parent.parent
    if not (folder / ".git").exists():
        return None
    try:
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()


def _suite_info(suite: Suite, outcomes: Sequence[Outcome]) -> SuiteInfo:
    own = [outcome for outcome in outcomes if outcome.suite == suite.name]
    return SuiteInfo(
        name=suite.name,
        title=suite.title,
        citation=suite.source.citation,
        arxiv=suite.source.arxiv,
        summary=_fill(suite.summary, own),
        assumed=dict(suite.assumed),
        tables=tuple(_table(name, suite, own) for name in suite.reported),
    )


def _fill(text: str, outcomes: Sequence[Outcome]) -> str:
    """Replace ``{claim-id}`` by the claim's number and ``{claim-id.verdict}`` by its verdict."""
    words: dict[str, str] = {}
    for outcome in outcomes:
        words[f"{outcome.id}.verdict"] = outcome.verdict
        if outcome.measured:
            words[outcome.id] = _number(outcome.measured[0].estimate, outcome.unit)
    return re.sub(r"\{([a-z0-9.-]+)\}", lambda match: words.get(match[1], "–"), text)


def _number(estimate: Interval, unit: str) -> str:
    scale = 100.0 if unit == "points" else 1.0
    text = f"{scale * estimate.value:.1f}" if scale > 1 else f"{estimate.value:.3g}"
    return text.replace("-", "−")


def _table(name: str, suite: Suite, outcomes: Sequence[Outcome]) -> ReportedValues:
    table = suite.reported[name]
    measured: Mapping[tuple[str, tuple[str, ...], str | None], CellValue] = {
        (cell.model, cell.attack, cell.metric): cell for outcome in outcomes for cell in outcome.cells
    }
    cells = []
    for row, values in table.rows.items():
        for column, value in zip(table.columns, values, strict=True):
            cell = table_cell(table, column, row)
            ours = measured.get((cell.model, cell.attack, cell.metric))
            if value is not None:
                estimate = ours.estimate if ours is not None else None
                cells.append(ReportedCell(model=column, attack=row, paper=value, ours=estimate))
    return ReportedValues(
        name=name,
        metric=table.metric,
        protocol=table.protocol,
        columns=table.columns,
        rows=tuple(table.rows),
        cells=tuple(cells),
    )
