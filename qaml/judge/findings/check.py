"""Checks: when a finding could be raised, the evidence that raises it, and the cures that free a cell from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from qaml.errors import QamlError
from qaml.findings import FINDINGS
from qaml.judge.findings.contest import ENOUGH_IMAGES
from qaml.judge.findings.cures import ANOTHER_ATTACK, Cure
from qaml.judge.findings.model import ModelEvidence
from qaml.judge.findings.subject import Subject
from qaml.outcome.outcome import Finding
from qaml.vocab import Severity

Evidence = TypeVar("Evidence", Subject, ModelEvidence)


class Raised(NamedTuple):
    """The result of a check that raises a finding, or leaves it open.

    Attributes:
        message: a message with the numbers.
        severity: the severity, if it differs from the usual one.
        lacks: what would have to be measured, if the evidence leaves the finding open.
    """

    message: str
    severity: Severity | None = None
    lacks: str = ""


def too_few(n_images: int) -> Raised:
    """The result of a statistical check that too few images leave open."""
    message = f"not assessed: {n_images} images, at least {ENOUGH_IMAGES} are needed"
    return Raised(message, "note", f"measure at least {ENOUGH_IMAGES} images")


@dataclass(frozen=True)
class Check(Generic[Evidence]):
    """The check of one finding in one kind of evidence.

    Attributes:
        name: name of the finding in ``qaml.findings``, where its words and severity are.
        could_be_raised: whether this evidence could show the finding; otherwise its absence means nothing.
        raised: the results of the check; it is called only if the finding could be raised.

    Raises:
        QamlError: the finding has no words.
    """

    name: str
    could_be_raised: Callable[[Evidence], bool]
    raised: Callable[[Evidence], Iterator[Raised]]

    def __post_init__(self) -> None:
        """Refuse a name without words."""
        if self.name not in FINDINGS:
            raise QamlError(f"the finding {self.name!r} has no words", "add it to FINDINGS in qaml/findings.py")

    def look(self, evidence: Evidence) -> Iterator[Finding]:
        """The findings that are raised, with their meaning filled in; none if the finding could not be raised."""
        meaning = FINDINGS[self.name]
        for found in self.raised(evidence) if self.could_be_raised(evidence) else ():
            yield Finding(
                name=self.name,
                severity=found.severity or meaning.severity,
                model=evidence.model,
                attack=evidence.attack,
                assessed=not found.lacks,
                message=found.message,
                means=meaning.means,
                remedy=found.lacks or meaning.remedy,
            )


@dataclass(frozen=True)
class OfAttack(Check[Subject]):
    """The check of how well an attack searches, which limits cells that are not ``as_published``.

    Attributes:
        cures: cures of the finding; any one of them frees a cell from it.
    """

    cures: tuple[Cure, ...] = (ANOTHER_ATTACK,)


class OfAdversarials(Check[Subject]):
    """The check of an attack's adversarials, however well it searches, which also voids ``as_published`` cells."""


class OfModel(Check[ModelEvidence]):
    """The check of a model's answers to clean images, which also voids clean cells."""


class OfRuns(Check[ModelEvidence]):
    """The check of the training runs of a model that a claim evaluates."""


class OfSurrogate(Check[ModelEvidence]):
    """The check of a model that a claim's attacks are made on."""
