"""The glossary, from the documentation in the code: verdicts, findings, claim kinds, metrics, parts."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from qaml.attacks.base import ATTACKS
from qaml.claims.base import CLAIMS
from qaml.defences.base import DEFENCES
from qaml.errors import PartError
from qaml.findings import FINDINGS
from qaml.metrics.table import METRICS
from qaml.models.base import MODELS
from qaml.models.kernel_svm.kernels import KERNELS
from qaml.registry import Registry
from qaml.report.figures import sampling
from qaml.report.text.marks import MARKS, SEVERITIES, words
from qaml.samplers.base import SAMPLERS

WORDS = {
    "ε, the budget": "the largest perturbation that the attacker may make, in the attack's norm",
    "linf": "norm: the largest change of any input",
    "l2": "norm: the Euclidean length of the change",
    "as published": "protocol: everything as the paper has it, weak attacks included",
    "budgeted": "protocol: the strongest attacker that a budget of steps, restarts and images affords",
    "quick": "profile: small data and small budgets, minutes; says nothing about a paper's own experiment",
    "standard": "profile: the paper's experiment at a size that a laptop runs in hours",
    "paper": "profile: the paper's own sizes",
    "95 % interval": "would hold the true value in 95 of 100 repetitions of training runs and images",
    "seed": "one training run; a claim about a method needs several of them",
    "white-box": "the attacker sees the model's gradients; adversarials are made on the model that is scored",
    "transfer": "adversarials made on one model (the surrogate) and tried on another",
    "pgd@convnet": "adversarials of pgd made on convnet",
    "worst case": "an image counts as fooled if any of the attacks fools it",
    "EOT": "expectation over transformation: gradients are averaged over draws of a random model",
    "single draw": "decision or gradient of a random model: one draw of its noise",
    "vote": "decision of a random model: the class that most draws name",
    "mean": "decision of a random model: the class of the averaged outputs",
    "exact": "decision or gradient of a random model: the average over its noise in closed form",
    "shots": "decision of a circuit from a finite number of measurements",
    "parameter shift": "gradient from circuits with shifted angles, as hardware has it",
    "finite difference": "gradient from differences of outputs",
}


class Term(NamedTuple):
    """A word and its meaning, with its name in code if that differs."""

    name: str
    code: str
    means: tuple[tuple[str, str], ...]
    """Sentences, each with a lead such as ``raised if``, which may be empty."""
    anchor: str = ""


class Section(NamedTuple):
    """Terms of one kind."""

    name: str
    terms: tuple[Term, ...]


def anchors() -> frozenset[str]:
    """The anchors that pages can link to."""
    return frozenset(f"finding-{name}" for name in FINDINGS)


def glossary() -> tuple[Section, ...]:
    """The sections of the glossary, verdicts first."""
    parts: Mapping[str, Registry[Any]] = {
        "Claims": CLAIMS,
        "Attacks": ATTACKS,
        "Models": MODELS,
        "Defences": DEFENCES,
        "Samplers of the negative phase": SAMPLERS,
        "Kernels": KERNELS,
    }
    return (
        Section("Verdicts", tuple(Term(name, "", (("", mark.means),)) for name, mark in MARKS.items())),
        Section("What a check can do to a verdict", tuple(Term(k, "", (("", v),)) for k, v in SEVERITIES.items())),
        Section("Checks of the measurement", tuple(_findings())),
        Section("Metrics", tuple(_parts(METRICS))),
        Section("Words", tuple(Term(k, "", (("", v),)) for k, v in WORDS.items())),
        *(Section(name, tuple(_parts(registry))) for name, registry in parts.items()),
        Section("Columns of the table of samplers", tuple(Term(k, "", (("", v),)) for k, v in sampling.COLUMNS)),
    )


def _findings() -> Iterator[Term]:
    for name, meaning in FINDINGS.items():
        said = (
            ("", SEVERITIES[meaning.severity]),
            ("Raised if", meaning.raised_if),
            ("Means", meaning.means),
            ("Remedy", meaning.remedy),
        )
        yield Term(words(name), name, said, f"finding-{name}")


def _parts(registry: Registry[Any]) -> Iterator[Term]:
    """Each kind with the first sentence of its documentation; kinds that cannot be imported are left out."""
    for kind in registry.kinds():
        try:
            text = inspect.getdoc(registry.load(kind)) or ""
        except PartError:
            continue
        yield Term(words(kind), kind, (("", " ".join(text.partition("\n\n")[0].replace("``", "").split())),))
