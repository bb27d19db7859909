"""The field ``expected``: the verdict that a claim should reach, at a profile and for a combination of ``for``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field

from qaml.findings import FINDINGS
from qaml.spec.expand import Case, word
from qaml.spec.nodes import Located, Path, mapping
from qaml.spec.problems import Problems, shown, suggest
from qaml.spec.suite import Expectation
from qaml.spec.validate import validate
from qaml.types import Settings
from qaml.vocab import PROFILES, VERDICTS, ProfileName, Verdict


class ExpectationRule(Settings):
    """The expectation of the combinations that ``when`` names (without it, of all of them)."""

    when: dict[str, str | int | float | tuple[str | int | float, ...]] = Field(default_factory=dict)
    """Combinations that the rule applies to: a name in ``for`` → its value or values."""
    verdict: Verdict | None = None
    """Verdict expected at every profile without a verdict of its own."""
    quick: Verdict | None = None
    """Verdict expected at the profile ``quick``."""
    standard: Verdict | None = None
    """Verdict expected at the profile ``standard``."""
    paper: Verdict | None = None
    """Verdict expected at the profile ``paper``."""
    findings: tuple[str, ...] = ()
    """Names of the validity findings that must be raised."""
    because: str = ""
    """Reason for the expectation; required for every verdict other than 'supported'."""

    def verdict_at(self, profile: ProfileName) -> Verdict | None:
        """The verdict expected at a profile, if the rule has one."""
        named: Mapping[str, Verdict | None] = {"quick": self.quick, "standard": self.standard, "paper": self.paper}
        return named[profile] or self.verdict

    @property
    def verdicts(self) -> set[Verdict]:
        """Every verdict that the rule expects at some profile."""
        return {v for v in (self.verdict, self.quick, self.standard, self.paper) if v is not None}


def expectation(
    node: Located | None,
    case: Case,
    sweep: Mapping[str, Sequence[object]],
    profile: ProfileName,
    path: Path,
    problems: Problems,
) -> Expectation:
    """The expectation of one expanded claim: that of the first rule that applies to it.

    Args:
        node: the claim's ``expected``, placeholders filled in.
        case: the claim's values of ``for``.
        sweep: all values of ``for``, at any profile, to refuse rules about none of them.
        profile: the loaded profile.
        path: path of the node, for messages.
        problems: collects the mistakes.
    """
    found: Expectation | None = None
    for rule, place, where in _rules(node, path, problems):
        _check(rule, place, where, sweep, problems)
        verdict = rule.verdict_at(profile)
        if found is None and verdict is not None and _is_about(rule, case):
            found = Expectation(verdict=verdict, findings=rule.findings, because=rule.because)
    return found or Expectation()


def _rules(node: Located | None, path: Path, problems: Problems) -> Iterator[tuple[ExpectationRule, Located, Path]]:
    if node is None:
        return
    for place, where in [(item, (*path, i)) for i, item in enumerate(node.items)] or [(node, path)]:
        written = mapping({"verdict": place}, place.mark) if place.text is not None else place
        if place.text is not None and place.text not in VERDICTS:
            hint = suggest(place.text, VERDICTS, "verdicts")
            problems.value(place, where, f"expected a verdict, got {shown(place.text)}", hint)
        elif not written.is_mapping:
            problems.value(place, where, f"expected a verdict or a mapping, got {shown(place.plain())}")
        else:
            rule = validate(ExpectationRule, written, where, problems)
            if rule is not None:
                yield rule, place, where


def _check(
    rule: ExpectationRule, place: Located, path: Path, sweep: Mapping[str, Sequence[object]], problems: Problems
) -> None:
    surprising = sorted(rule.verdicts - {"supported"})
    if not rule.verdicts:
        problems.missing(place, path, "names no verdict", f"give 'verdict' or one of {', '.join(PROFILES)}")
    if surprising and not rule.because.strip():
        hint = f"write {{verdict: {surprising[0]}, because: …}}" if place.text is not None else ""
        problems.missing(place, (*path, "because"), f"expecting {surprising[0]!r} needs a reason", hint)
    for item, finding in enumerate(rule.findings):
        if finding not in FINDINGS:
            node = place.at(("findings", item))
            where = (*path, "findings", item)
            problems.value(node, where, f"unknown finding {shown(finding)}", suggest(finding, FINDINGS, "findings"))
    for name, values in rule.when.items():
        node = place.at(("when", name))
        where = (*path, "when", name)
        if name not in sweep:
            problems.key(node, where, f"unknown name {name!r}", suggest(name, sweep, "names in 'for'"))
            continue
        for value in _as_tuple(values):
            if value not in sweep[name]:
                known = [word(choice) for choice in sweep[name]]
                problems.value(node, where, f"{shown(value)} is not in 'for'", suggest(value, known, "values"))


def _is_about(rule: ExpectationRule, case: Case) -> bool:
    return all(case.get(name) in _as_tuple(values) for name, values in rule.when.items())


def _as_tuple(values: object) -> tuple[object, ...]:
    return values if isinstance(values, tuple) else (values,)
