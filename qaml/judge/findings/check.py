"""How the judge looks for a finding: when it could be raised, what raises it, and what cures a cell of it."""

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
    """What a check saw.

    Attributes:
        message: with its numbers.
        severity: where it differs from the usual one.
        lacks: what would have to be measured, where the evidence leaves the finding open.
    """

    message: str
    severity: Severity | None = None
    lacks: str = ""


def too_few(n_images: int) -> Raised:
    """A statistical finding that too few images leave open."""
    message = f"not assessed: {n_images} images, at least {ENOUGH_IMAGES} are needed"
    return Raised(message, "note", f"measure at least {ENOUGH_IMAGES} images")


@dataclass(frozen=True)
class Check(Generic[Evidence]):
    """One finding, looked for in one kind of evidence.

    Attributes:
        name: the finding's, as in ``qaml.findings``, where its words and weight are.
        could_be_raised: whether this evidence could show the finding at all: what was not looked for is not absent.
        raised: what is seen where the evidence shows it; it is asked only where it could be raised.

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
        """The finding with its meaning filled in, where it could be and is raised."""
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
    """How well an attack searches: limits cells that are not ``as_published``.

    Attributes:
        cures: any one of them frees a cell of the finding.
    """

    cures: tuple[Cure, ...] = (ANOTHER_ATTACK,)


class OfAdversarials(Check[Subject]):
    """What is found about an attack's adversarials, however well it searched: voids ``as_published`` cells, too."""


class OfModel(Check[ModelEvidence]):
    """What is found about a model's answers to clean images: voids clean cells, too."""


class OfRuns(Check[ModelEvidence]):
    """What is noted about the training runs of a model that a claim evaluates."""


class OfSurrogate(Check[ModelEvidence]):
    """What is noted about a model that a claim's attacks are made on."""
