"""The outcome of a claim and the file of all outcomes, from which every report is rendered."""

from __future__ import annotations

from pydantic import Field

from qaml.outcome.drawings import CircuitDrawing, Curve, EmbeddingDrawing, Portrait, Roc, Sampling, Strip, TrainingCurve
from qaml.outcome.past import Past, Regression
from qaml.outcome.record import Interval, Number, Record
from qaml.outcome.upgrade import Format, caveats_apart, unchanged
from qaml.vocab import SEVERITIES, ProfileName, Protocol, Severity, Unit, Verdict

FORMAT = Format(upgrades=(unchanged, caveats_apart))
"""Version 2 has a checksum; since version 3 caveats of datasets are fields."""
ARTEFACT = "outcome.json"
"""The file of one claim's outcome in the store: written by the judge's step, read by the session."""


class Measurement(Record):
    """One number of a claim, with its expected range and the paper's value."""

    label: str
    estimate: Interval
    at_least: Number | None = None
    at_most: Number | None = None
    paper: Number | None = None
    p_value: Number | None = None
    """Two-sided p-value against the nearest threshold; none where nothing is tested."""


class CellValue(Record):
    """One measured cell."""

    label: str
    model: str
    attack: tuple[str, ...]
    metric: str
    epsilon: Number | None
    protocol: Protocol
    estimate: Interval
    paper: Number | None = None
    surrogate: str | None = None
    """Model on which transferred attacks were made."""


class Finding(Record):
    """A validity finding that was raised (or could not be assessed)."""

    name: str
    """Name of the finding, such as ``transfer_beats_white_box``."""
    severity: Severity
    model: str
    attack: str | None = None
    assessed: bool = True
    message: str
    """Observation behind the finding, with its numbers."""
    means: str
    """Consequence for the claim."""
    remedy: str

    @property
    def rank(self) -> tuple[int, bool]:
        """The rank in reports: the gravest findings first, and of equal ones those that were assessed."""
        return SEVERITIES.index(self.severity), not self.assessed


class Media(Record):
    """A file beside ``outcomes.json``."""

    path: str
    sha256: str


class Provenance(Record):
    """The origin of a claim's numbers."""

    artefacts: dict[str, str]
    """Artefacts of the claim: step (in words) → key."""
    versions: dict[str, str]
    """Versions of libraries: library → version."""
    data: dict[str, str]
    """Datasets: name → digest of the declared checksums."""
    seeds: dict[str, int]
    """Training runs: model → their number."""
    commit: str | None = None
    """Commit of the qaml checkout, with ``+`` if it had changes."""
    machine: str = ""
    seconds: Number = 0.0
    """Compute time of all steps that the claim needed, in seconds."""


class Outcome(Record):
    """The outcome of one claim."""

    suite: str
    id: str
    case: dict[str, str] = Field({})
    """Values of ``for`` that made this claim."""
    statement: str
    kind: str
    profile: ProfileName
    verdict: Verdict
    reason: str
    """One sentence with the number that decided."""
    beyond: str | None = None
    """Part of the reason beyond the first measurement's numbers; none for sentences of another kind."""
    expected: Verdict = "supported"
    expected_findings: tuple[str, ...] = ()
    because: str = ""
    paper_says: Verdict | None = None
    measured: tuple[Measurement, ...]
    unit: Unit = "points"
    """Unit of the values; ``points``: they are shares, shown as percentage points."""
    cells: tuple[CellValue, ...] = ()
    findings: tuple[Finding, ...] = ()
    curves: tuple[Curve, ...] = ()
    training: tuple[TrainingCurve, ...] = ()
    strips: tuple[Strip, ...] = ()
    portraits: tuple[Portrait, ...] = ()
    circuits: tuple[CircuitDrawing, ...] = ()
    embeddings: tuple[EmbeddingDrawing, ...] = ()
    samplings: tuple[Sampling, ...] = ()
    rocs: tuple[Roc, ...] = ()
    setting: dict[str, str] = Field({})
    """Each model (with its defences and their positions) and each attack of the claim, in words."""
    caveats: dict[str, str] = Field({})
    """Caveats of datasets: name → what a reader must know of it before any number."""
    assumed: dict[str, str] = Field({})
    notes: tuple[str, ...] = ()
    provenance: Provenance
    spec_file: str
    spec_line: int
    spec_yaml: str
    """The claim's own lines."""
    replay: str
    """The exact command that runs this claim again."""

    @property
    def node(self) -> str:
        """``suite::id``, as in the test id."""
        return f"{self.suite}::{self.id}"

    @property
    def missing_findings(self) -> tuple[str, ...]:
        """Findings that the spec expects and that were not raised."""
        raised = {finding.name for finding in self.findings if finding.assessed}
        return tuple(name for name in self.expected_findings if name not in raised)

    @property
    def is_as_expected(self) -> bool:
        """Whether the verdict is what the spec expects, for the reasons that it expects."""
        return self.verdict == self.expected and not self.missing_findings


class Failure(Record):
    """A claim without a verdict: an error, never a refutation."""

    suite: str
    id: str
    message: str
    is_reached: bool = True
    """Whether the claim was started; otherwise the run ended before."""


class ReportedCell(Record):
    """One cell of a paper's table beside ours; ``ours`` is null where no claim measured it."""

    model: str
    attack: str
    paper: Number
    ours: Interval | None = None


class ReportedValues(Record):
    """A paper's table beside ours."""

    name: str
    metric: str
    protocol: Protocol
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[ReportedCell, ...]


class SuiteInfo(Record):
    """The report's description of a suite as a whole."""

    name: str
    title: str
    citation: str
    arxiv: str = ""
    summary: str = ""
    """Summary from the suite, with numbers filled in."""
    assumed: dict[str, str] = Field({})
    tables: tuple[ReportedValues, ...] = ()


class Outcomes(Record):
    """The content of ``outcomes.json``."""

    schema_version: int = Field(FORMAT.version, ge=FORMAT.version, le=FORMAT.version)
    created: str
    """Time of the run, ISO 8601, UTC."""
    profile: ProfileName
    seconds: Number = 0.0
    """Wall time of the run, in seconds."""
    suites: tuple[SuiteInfo, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    failures: tuple[Failure, ...] = ()
    media: tuple[Media, ...] = ()
    earlier: tuple[Past, ...] = ()
    """Earlier runs of the same profile, oldest first, with the cells and claims of this one."""
    regression: Regression | None = None
    """Result of the comparison with a baseline, if there was one."""
