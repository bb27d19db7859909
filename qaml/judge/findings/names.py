"""Findings made from their meanings (``qaml.findings``)."""

from __future__ import annotations

from qaml.findings import FINDINGS
from qaml.outcome.outcome import Finding
from qaml.vocab import Severity


def raised(name: str, model: str, attack: str | None, message: str, severity: Severity | None = None) -> Finding:
    """A finding with its meaning filled in; ``severity`` where it differs from the usual one."""
    meaning = FINDINGS[name]
    return Finding(
        name=name,
        severity=severity or meaning.severity,
        model=model,
        attack=attack,
        message=message,
        means=meaning.means,
        remedy=meaning.remedy,
    )


def not_assessed(name: str, model: str, attack: str | None, n: int) -> Finding:
    """A statistical finding that too few images leave open."""
    finding = raised(name, model, attack, f"not assessed: {n} images, at least 100 are needed", "note")
    return finding.model_copy(update={"assessed": False, "remedy": "measure at least 100 images"})
