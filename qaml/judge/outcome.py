"""The outcome of a claim and the file of all outcomes: what every report is rendered from.

Schema version 1. Numbers that do not exist are null; infinities are written as strings by ``Number``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from qaml.vocab import ProfileName, Protocol, Severity, Verdict

SCHEMA_VERSION = 1
ARTEFACT = "outcome.json"
"""The file of one claim's outcome in the store: written by the judge's step, read by the session."""


def _plain(value: float) -> float | str | None:
    if value != value:
        return None
    return value if abs(value) != float("inf") else str(value)


def _parse(value: Any) -> Any:
    return float("nan") if value is None else float(value)


Number = Annotated[float, BeforeValidator(_parse), PlainSerializer(_plain, when_used="json")]


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(float(number) for number in value.split())
    return tuple(_parse(number) for number in value) if isinstance(value, (list, tuple)) else value


def _joined(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.5g}" for value in values)


Series = Annotated[tuple[float, ...], BeforeValidator(_split), PlainSerializer(_joined, when_used="json")]
"""Numbers to be drawn, written as one text of five digits each: a list would take a line a number."""


class Record(BaseModel):
    """Base of what is written to ``outcomes.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Interval(Record):
    """A number with its interval, as shown in a forest plot."""

    value: Number
    low: Number
    high: Number
    per_seed: tuple[Number, ...] = ()
    n_seeds: int = 1
    n_images: int = 0
    method: str = ""


class Measurement(Record):
    """One number of a claim, with what was expected of it and what the paper says."""

    label: str
    estimate: Interval
    at_least: Number | None = None
    at_most: Number | None = None
    paper: Number | None = None


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
    """The model that transferred attacks were made on."""


class Finding(Record):
    """A validity finding that was raised (or could not be assessed)."""

    name: str
    """Such as ``transfer_beats_white_box``."""
    severity: Severity
    model: str
    attack: str | None = None
    assessed: bool = True
    message: str
    """What was seen, with its numbers."""
    means: str
    """What it implies for the claim."""
    remedy: str


class Curve(Record):
    """Accuracy over epsilon of one model under one attack (or the worst case over several)."""

    model: str
    attack: str
    metric: str
    epsilons: tuple[Number, ...]
    values: tuple[Number, ...]
    lows: tuple[Number, ...]
    highs: tuple[Number, ...]
    is_worst_case: bool = False


class TrainingCurve(Record):
    """A training curve of one model: a line a seed, or a line a layer."""

    model: str
    name: str
    seeds: tuple[Series, ...]
    """The lines, a value for each of ``epochs``."""
    epochs: Series = ()
    """Counted from 1; left out where there is a value for every one."""
    has_layers: bool = False
    """Whether each line is a layer of the model, the mean of magnitudes over seeds."""


class Picture(Record):
    """One image of a strip: files are relative to ``outcomes.json``."""

    clean: str
    adversarial: str
    perturbation: str
    true_label: str
    clean_label: str
    clean_confidence: Number
    adversarial_label: str
    adversarial_confidence: Number
    norm: Number
    low_frequency: Number | None = None
    """Share of the perturbation's spectral energy at low spatial frequencies."""


class ClassProbabilities(Record):
    """The softmax probabilities of a strip's first image along the budgets (West et al. 2022, Figure 1e, f)."""

    image: int
    """Position of the image in the test split: equal for the same image on several models."""
    epsilons: tuple[Number, ...]
    """Increasing, the clean image (0) first."""
    classes: tuple[str, ...]
    values: tuple[tuple[Number, ...], ...]
    """A row a budget, a column a class."""


class Strip(Record):
    """Clean, adversarial and perturbation of some test images, for one model and attack."""

    model: str
    attack: str
    epsilon: Number
    caption: str
    pictures: tuple[Picture, ...]
    surrogate: str | None = None
    """The model that the perturbations were made on, where that is another one."""
    probabilities: ClassProbabilities | None = None
    """Of the first picture, where the attack has a grid of at least three budgets."""


class Scatter(Record):
    """Test examples as points in a plane, clean and attacked."""

    title: str
    x_name: str
    y_name: str
    clean: tuple[Series, Series]
    """Both coordinates of each example."""
    attacked: tuple[Series, Series] | None = None
    """The same of its adversarial."""
    x_range: tuple[Number, Number] | None = None
    """Of the axis; left out, what the points need."""
    y_range: tuple[Number, Number] | None = None
    regions: tuple[Annotated[str, Field(pattern="^[0-9-]+$")], ...] = ()
    """What the model answers on a grid over both ranges, a text a row from the top: the first digit after the point of
    the second class's probability, cell by cell, or - where there is none."""
    has_circle: bool = False
    """Whether points lie in the unit disc."""


class Portrait(Record):
    """What a model makes of the first test examples and of an attack on them, trained with the first seed."""

    model: str
    attack: str
    epsilon: Number
    surrogate: str | None = None
    classes: tuple[str, ...]
    labels: Series
    """The class of each example."""
    clean_correct: Series
    """1 where the clean example is classified correctly."""
    attacked_correct: Series
    scatters: tuple[Scatter, ...] = ()


class CircuitDrawing(Record):
    """A model's quantum circuit."""

    model: str
    n_wires: int
    encoding: str
    gates: tuple[Annotated[str, Field(pattern=r"^~?\w+( [0-9]{1,3})+$")], ...]
    """In order: ``cnot 0 1`` is a gate and its wires; ``~`` in front says that its angle is drawn."""
    n_gates: int
    """All of them; ``gates`` are the first."""
    measured: tuple[int, ...]

    @model_validator(mode="after")
    def _gates_stand_on_wires(self) -> Self:
        for gate in self.gates:
            if max(int(wire) for wire in gate.split()[1:]) >= self.n_wires:
                raise ValueError(f"expected gates on {self.n_wires} wires, got {gate!r}")
        return self


class EmbeddingDrawing(Record):
    """How a model's units were laid out on an annealer's qubits."""

    model: str
    graph: str
    n_visible: int
    n_hidden: int
    qubits: int
    shortest: int
    """Qubits of the shortest chain."""
    longest: int
    n_broken: int
    """Qubits of the annealer that are missing."""
    file: str
    """The picture, relative to ``outcomes.json``."""


class Sampling(Record):
    """What a sampler says of the trained machines, beside their own distributions; a value a seed."""

    model: str
    sampler: str
    is_exact: bool
    """Whether the machine was enumerated; else it was sampled by parallel tempering."""
    draws: Number
    """Samples of an estimate."""
    first: Series
    """Deviation of the first moments, in units of what as many independent samples would deviate."""
    second: Series
    reference_error: Series
    """The same of what they are held against."""
    effective_beta: Series
    broken_chains: Series
    angle: Series
    """Between estimated and true gradient, degrees."""
    ideal_angle: Series
    """The same with as many independent samples."""
    divergence: Series
    """Kullback–Leibler, nats, of machines that were enumerated."""
    true_moments: Series
    """Second moments of the first seed, some of them."""
    moments: Series
    energy_edges: Series
    """Of a histogram of free energies, the first seed's."""
    energies: Series
    true_energies: Series


class Roc(Record):
    """The rates of a detector over its thresholds, as points of its receiver operating characteristic."""

    detector: str
    thresholds: tuple[Number, ...]
    true_positives: tuple[Number, ...]
    """Share of attacked images that are flagged at each threshold."""
    false_positives: tuple[Number, ...]
    """Share of clean images that are flagged at each threshold."""


class Media(Record):
    """A file beside ``outcomes.json``."""

    path: str
    sha256: str


class Provenance(Record):
    """Where a claim's numbers come from."""

    artefacts: dict[str, str]
    """Step (in words) → key."""
    versions: dict[str, str]
    """Library → version."""
    data: dict[str, str]
    """Dataset → digest of its declared checksums."""
    seeds: dict[str, int]
    """Model → number of training runs."""
    commit: str | None = None
    """Of the qaml checkout, with ``+`` if it had changes."""
    machine: str = ""
    seconds: Number = 0.0
    """Compute time of all steps that the claim needed."""


class Outcome(Record):
    """What became of one claim."""

    suite: str
    id: str
    case: dict[str, str] = {}
    """The values of ``for`` that made this claim."""
    statement: str
    kind: str
    profile: ProfileName
    verdict: Verdict
    reason: str
    expected: Verdict = "supported"
    expected_findings: tuple[str, ...] = ()
    because: str = ""
    paper_says: Verdict | None = None
    measured: tuple[Measurement, ...]
    unit: Literal["points", "norm", "plain"] = "points"
    """``points``: values are shares, shown as percentage points."""
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
    setting: dict[str, str] = {}
    """Each model (with its defences and where they stand) and each attack of the claim, in words."""
    assumed: dict[str, str] = {}
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
    """A claim that ended in an exception: an error, never a refutation."""

    suite: str
    id: str
    message: str


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
    """What the report says of a suite as a whole."""

    name: str
    title: str
    citation: str
    arxiv: str = ""
    summary: str = ""
    """Written in the suite, numbers filled in."""
    assumed: dict[str, str] = {}
    tables: tuple[ReportedValues, ...] = ()


class Outcomes(Record):
    """The content of ``outcomes.json``."""

    schema_version: int = SCHEMA_VERSION
    created: str
    """ISO 8601, UTC."""
    profile: ProfileName
    seconds: Number = 0.0
    """Wall time of the run."""
    suites: tuple[SuiteInfo, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    failures: tuple[Failure, ...] = ()
    media: tuple[Media, ...] = Field(default=())
