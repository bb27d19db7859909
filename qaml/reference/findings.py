"""Every validity finding, from the vocabulary that raises it."""

from __future__ import annotations

from typing import Final

from qaml.findings import FINDINGS, Meaning
from qaml.reference.markdown import code, page, prose, table
from qaml.vocab import Severity

_EFFECTS: Final[dict[Severity, tuple[str, str]]] = {
    "void": ("Void", "The measurement says nothing: the verdict is invalid."),
    "weak": (
        "Weak",
        "The measured robustness is an upper bound: it can refute that a model is robust, and cannot support it.",
    ),
    "note": ("Notes", "They are shown beside the verdict and change nothing."),
}


def findings_page() -> str:
    """The page, with a table for each effect."""
    blocks = ["How they are assessed, and how often they are wrong: [Findings](../findings.md)."]
    for severity, (title, effect) in _EFFECTS.items():
        rows = [_row(name, meaning) for name, meaning in FINDINGS.items() if meaning.severity == severity]
        blocks += [f"## {title}", effect, table(("finding", "raised if", "means", "remedy"), rows)]
    return page("All findings", *blocks)


def _row(name: str, meaning: Meaning) -> tuple[str, ...]:
    return code(name), prose(meaning.raised_if), prose(meaning.means), prose(meaning.remedy)
