"""The interface of claim kinds: fields, the cells they need measured, and the rule from estimates to a verdict."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, NamedTuple, Protocol

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from qaml.attacks.elsewhere import as_seen_by
from qaml.metrics.base import MetricPart
from qaml.metrics.table import MetricName, metric
from qaml.registry import AttackName, ModelName, Part, Registry
from qaml.types import MOST_EXAMPLES, Epsilon, Settings, as_tuple
from qaml.vocab import Protocol as AttackProtocol
from qaml.vocab import Verdict

CLAIMS: Registry[ClaimPart] = Registry(
    "claim kind",
    "qaml.claims",
    {
        "bound": "qaml.claims.bound:Bound",
        "difference": "qaml.claims.difference:Difference",
        "contrast": "qaml.claims.contrast:Contrast",
        "equivalence": "qaml.claims.equivalence:Equivalence",
        "ordering": "qaml.claims.ordering:Ordering",
        "trend": "qaml.claims.trend:Trend",
        "reported": "qaml.claims.reported:Reported",
        "detection": "qaml.claims.detection:Detection",
        "parameter": "qaml.claims.parameter:Parameter",
        "all_of": "qaml.claims.combination:AllOf",
        "any_of": "qaml.claims.combination:AnyOf",
    },
)


AttackNames = Annotated[tuple[AttackName, ...], BeforeValidator(as_tuple)]


class Cell(Settings):
    """One measured number: a metric of a model, under attacks, at an epsilon."""

    model: ModelName
    """Model that is measured."""
    attack: AttackNames = ()
    """One attack or several, ``pgd@convnet`` for one made on another model; robust accuracy counts an image as fooled
    if any of them fools it."""
    metric: MetricName | None = None
    """Metric that is measured (default: the claim's)."""
    epsilon: Epsilon | Literal["every"] | None = None
    """A budget on every attack's grid, ``every`` budget of it, or (default) the largest one."""
    aggregate: Literal["min", "max"] | None = None
    """With ``epsilon: every``, the smallest or largest value over the grid."""
    protocol: AttackProtocol = "budgeted"
    """``as_published`` keeps the paper's flaws: findings flag such a cell and do not limit its verdict."""
    quantile: float = Field(0.5, gt=0, lt=1)
    """Quantile over images, for ``norm_quantile`` and ``shots_needed``."""
    level: float = Field(0.5, gt=0, lt=1)
    """Accuracy that is crossed, for ``epsilon_at``."""

    @field_validator("attack")
    @classmethod
    def _made_on_itself(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        """Use the attack's plain name where it is made on the cell's own model, which makes it white-box."""
        return tuple(dict.fromkeys(as_seen_by(name, info.data.get("model", "")) for name in value))

    @property
    def definition(self) -> MetricPart:
        """The declaration of the cell's metric.

        Raises:
            PartError: the cell names no metric.
        """
        return metric(self.metric or "")

    @property
    def label(self) -> str:
        """A short name for tables and figures."""
        under = " + ".join(self.attack)
        at = f" at ε = {self.epsilon}" if isinstance(self.epsilon, float) else ""
        if self.aggregate:
            at = f", {self.aggregate} over ε"
        return self.model + (f" under {under}" if under else "") + at


class Term(NamedTuple):
    """A cell and its weight in a contrast."""

    cell: Cell
    weight: float


class Estimate(NamedTuple):
    """A measured contrast Σ weight × cell with its interval.

    Attributes:
        value: the point estimate.
        low: lower end of the 95 % interval.
        high: upper end.
        per_seed: the value of each seed (paired in order where several models enter).
        n_seeds: training runs (the smallest number among the models).
        n_images: images (0 for a metric without images).
        p_value: two-sided against the nearest threshold, for Holm's adjustment; NaN where it makes no sense.
        method: name of the interval's method, for readers.
        may_be_lower: a weak attack makes the value an upper bound of the truth.
        may_be_higher: a weak attack on a subtracted cell makes it a lower bound.
        is_void: the measurement says nothing.
        paper: the paper's value of the same contrast, where its tables have every cell.
        worst_low: the lower end with what the battery finds beyond the cells' own attacks counted; None where that
            changes nothing.
        worst_high: the upper end, likewise.
        gap: what the battery finds beyond them, in units of the value.
        is_unchecked: whether no battery looked at an attack whose failure would lower, or raise, the value.
        level: confidence level of the interval.
        n_differing: images, added up over paired runs, on which the contrast is not zero; None where it is no average
            over images, or where models have different numbers of runs.
    """

    value: float
    low: float
    high: float
    per_seed: tuple[float, ...] = ()
    n_seeds: int = 1
    n_images: int = 0
    p_value: float = float("nan")
    method: str = ""
    may_be_lower: bool = False
    may_be_higher: bool = False
    is_void: bool = False
    paper: float | None = None
    worst_low: float | None = None
    worst_high: float | None = None
    gap: float = 0.0
    is_unchecked: tuple[bool, bool] = (False, False)
    level: float = 0.95
    n_differing: int | None = None


class Estimator(Protocol):
    """The methods of the judge that a claim's rule may use."""

    def contrast(self, terms: Sequence[Term], *, against: Sequence[float] = (0.0,), level: float = 0.95) -> Estimate:
        """Estimate Σ weight × cell; ``p_value`` tests it against the nearest of the numbers in ``against``."""

    def epsilons(self, cell: Cell) -> tuple[float, ...]:
        """The budgets of this cell for ``epsilon: every``."""

    def parameter(self, model: str, name: str) -> tuple[tuple[float, ...], ...]:
        """A trained parameter: one vector a seed."""

    def over_seeds(self, values: Sequence[float], *, against: Sequence[float] = (0.0,)) -> Estimate:
        """Estimate a mean over training runs from one number a seed (Student's t)."""

    def predict(self, cell: Cell, table: ReportedTable, level: float = 0.95) -> Estimate:
        """Estimate where a paper's value of this cell may lie, if the paper measured the same quantity."""

    def runs_needed(self, cell: Cell, table: ReportedTable, half_width: float) -> int | None:
        """Training runs of ours with which a prediction reaches no farther than this, were they to spread as now.

        None if no number would do: the paper's own run, its test images and ours are too uncertain.
        """

    def left_open(self, attack: str) -> tuple[str, ...]:
        """The settings of an attack that the paper does not state: the suite says under ``assumed`` what it took."""

    @property
    def judges_tables(self) -> bool:
        """Whether the scale allows a comparison with a paper's own values (never at ``quick``)."""

    def detection(self, detector: str) -> tuple[Estimate, Estimate]:
        """True and false positive rate of a detector."""

    def reported(self, table: str) -> ReportedTable:
        """One of the suite's tables of reported values."""


class ReportedTable(Settings):
    """A table of the paper, once in a suite; the report shows paper against ours for every cell."""

    metric: MetricName
    """Metric of every row but ``clean``."""
    protocol: AttackProtocol = "as_published"
    """Protocol of our cells beside the paper's."""
    n: int | None = Field(None, ge=1, le=MOST_EXAMPLES)
    """Number of test images behind each value, for the paper's own sampling error."""
    seeds: int | None = Field(None, ge=1, le=1_000_000)
    """Number of training runs that the paper averaged over."""
    reading_error: float = Field(0.0, ge=0)
    """Half-width of the error of reading a value off a figure."""
    epsilon: Epsilon | None = None
    """Budget of every row (default: the largest of each attack's grid)."""
    columns: tuple[ModelName, ...]
    """Names of models."""
    rows: dict[str, tuple[float | None, ...]]
    """Rows: name of an attack (``pgd@convnet`` for one made on another model, or ``clean``) → one value a column."""

    @property
    def definition(self) -> MetricPart:
        """The declaration of the metric of every row but ``clean``."""
        return metric(self.metric)


class Measured(NamedTuple):
    """A labelled estimate of a decision, with the range that it was compared with.

    Attributes:
        label: name of the measured quantity.
        estimate: the contrast.
        at_least: the lower end of what was expected, if any.
        at_most: the upper end, if any.
        paper: the paper's value of the same number, if reported.
    """

    label: str
    estimate: Estimate
    at_least: float | None = None
    at_most: float | None = None
    paper: float | None = None


class Decision(NamedTuple):
    """The result of a claim kind's rule.

    Attributes:
        verdict: one of the four.
        reason: one sentence with the number that decided, for readers.
        measured: every estimate that the rule used, the deciding one first.
        beyond: what the reason adds to the deciding estimate's numbers, its scale and what was expected; None where the
            reason is a sentence of another kind.
    """

    verdict: Verdict
    reason: str
    measured: tuple[Measured, ...]
    beyond: str | None = None

    def followed_by(self, remark: str) -> Decision:
        """The decision with one more remark at the end of its reason."""
        beyond = None if self.beyond is None else "; ".join(filter(None, (self.beyond, remark)))
        return self._replace(reason=f"{self.reason}; {remark}", beyond=beyond)

    def preceded_by(self, remark: str) -> Decision:
        """The decision with one more remark at the start of its reason."""
        beyond = None if self.beyond is None else "; ".join(filter(None, (remark, self.beyond)))
        return self._replace(reason=f"{remark}; {self.reason}", beyond=beyond)


NO_TABLES: Mapping[str, ReportedTable] = MappingProxyType({})


class ClaimPart(Part, ABC):
    """The fields of a claim kind."""

    plural: ClassVar[str] = ""
    """Heading of several claims of this kind in a report (default: the kind)."""
    is_signed: ClassVar[bool] = False
    """Whether measured values are differences, which are written with a sign and in points."""

    @abstractmethod
    def cells(self, tables: Mapping[str, ReportedTable] = NO_TABLES) -> tuple[Cell, ...]:
        """Every cell that must be measured, with its metric filled in.

        Args:
            tables: the suite's reported tables; only claims about a table read them.
        """

    @abstractmethod
    def decide(self, estimator: Estimator) -> Decision:
        """Apply the kind's rule (``docs/judging.md``)."""


CLAIMS.bind(ClaimPart)
