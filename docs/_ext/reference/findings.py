"""Every validity finding, from the table that declares it and the checks that raise it."""

from __future__ import annotations

from typing import Final

from qaml.findings import FINDINGS, Meaning
from qaml.judge.findings import OF_ATTACKS
from qaml.vocab import SEVERITIES, Severity
from reference.markdown import code, page, prose, table

_EFFECTS: Final[dict[Severity, tuple[str, str]]] = {
    "void": ("Void", "The measurement says nothing: the verdict is invalid."),
    "weak": (
        "Weak",
        "The measured robustness is an upper bound: it can refute that a model is robust, and cannot support it.",
    ),
    "note": ("Notes", "They are shown with the verdict and change nothing."),
}
_CURED: Final = (
    "A cell over several attacks is as strong as the strongest, so another attack can cure a weak finding on one. "
    "Exact distances in the same norm miss nothing: beside them an attack needs no cure."
)


def findings_page() -> str:
    """The page: a table for each effect, and what cures weak findings."""
    blocks = ["How they are assessed, and how often they are wrong: [Findings](../findings.md)."]
    for severity in SEVERITIES:
        title, effect = _EFFECTS[severity]
        rows = [_row(name, meaning) for name, meaning in FINDINGS.items() if meaning.severity == severity]
        blocks += [f"## {title}", effect, table(("finding", "raised if", "means", "remedy"), rows)]
    return page("All findings", *blocks, "## Cures", _CURED, table(("what cures", "weak finding"), _cures()))


def _cures() -> list[tuple[str, str]]:
    """Each cure, and the weak findings that it cures."""
    weak = [check for name, check in OF_ATTACKS.items() if FINDINGS[name].severity == "weak"]
    cures = dict.fromkeys(cure for check in weak for cure in check.cures)
    return [(prose(c.words), ", ".join(code(check.name) for check in weak if c in check.cures)) for c in cures]


def _row(name: str, meaning: Meaning) -> tuple[str, ...]:
    return code(name), prose(meaning.raised_if), prose(meaning.means), prose(meaning.remedy)
