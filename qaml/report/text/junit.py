"""A claim's numbers as JUnit properties, for tools that read the XML of a CI run."""

from __future__ import annotations

from qaml.outcome.outcome import Outcome
from qaml.text import one_line


def properties(outcome: Outcome) -> list[tuple[str, str]]:
    """Names and values of the properties, both plain text that XML can hold; numbers unscaled, in full precision."""
    pairs: list[tuple[str, object]] = [
        ("suite", outcome.suite),
        ("claim", outcome.id),
        ("profile", outcome.profile),
        ("verdict", outcome.verdict),
        ("expected", outcome.expected),
        ("reason", outcome.reason),
    ]
    if outcome.measured:
        first = outcome.measured[0]
        estimate = first.estimate
        pairs += [("value", estimate.value), ("low", estimate.low), ("high", estimate.high)]
        pairs += [("at_least", first.at_least), ("at_most", first.at_most), ("paper", first.paper)]
        pairs += [("seeds", estimate.n_seeds), ("images", estimate.n_images), ("unit", outcome.unit)]
    raised = (f.name for f in outcome.findings if f.assessed)
    pairs.append(("findings", " ".join(dict.fromkeys(raised))))
    pairs.append(("spec", f"{outcome.spec_file}:{outcome.spec_line}"))
    return [(f"qaml.{name}", one_line(str(value))) for name, value in pairs if value is not None and value != ""]
