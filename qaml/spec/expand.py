"""``for``: one claim of a spec becomes one claim a combination of values, placeholders filled in."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from qaml.spec.limits import MAX_CASE_TEXT, MAX_CLAIMS, MAX_EXPANDED_WEIGHT, MAX_TEXT
from qaml.spec.nodes import Located, Path, Scalar
from qaml.spec.problems import Problems, shown, suggest

_PLACEHOLDER = re.compile(r"\{\{([A-Za-z][\w-]*)\}\}|\{([A-Za-z][\w-]*)\}")
_NAME = re.compile(r"[a-z][a-z0-9_-]*")

Case = Mapping[str, Scalar]


class Expanded(NamedTuple):
    """One combination: the values, and the claim with them filled in (less ``for``)."""

    case: Case
    claim: Located


class Expansion:
    """Expands the claims of one suite, within the limits of all of them together."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._claims = 0
        self._weight = 0

    def expand(self, claim: Located, path: Path) -> list[Expanded]:
        """Every combination of a claim, the last name of ``for`` varying fastest.

        Raises:
            SpecError: the claims of the suite exceed the limits.
        """
        sweep = claim.entries.get("for")
        values = {} if sweep is None else _values(sweep, (*path, "for"), self._problems)
        if values is None:
            return []
        template = claim.without("for")
        self._count(math.prod(map(len, values.values())), template, claim, path)
        return [
            Expanded(case, _fill(template, case, path, self._problems))
            for combination in itertools.product(*values.values())
            for case in [dict(zip(values, combination, strict=True))]
        ]

    def _count(self, n_cases: int, template: Located, claim: Located, path: Path) -> None:
        self._claims += n_cases
        self._weight += n_cases * template.weight
        if self._claims > MAX_CLAIMS or self._weight > MAX_EXPANDED_WEIGHT:
            message = f"too many claims: expected at most {MAX_CLAIMS:,} in a suite once 'for' is expanded"
            self._problems.add(claim.first_mark, path, message)
            self._problems.raise_any()


def _values(sweep: Located, path: Path, problems: Problems) -> dict[str, tuple[Scalar, ...]] | None:
    if not sweep.is_mapping or not sweep.entries:
        problems.value(sweep, path, f"expected a mapping of names to lists of values, got {shown(sweep.plain())}")
        return None
    values: dict[str, tuple[Scalar, ...]] = {}
    for name, node in sweep.entries.items():
        if not _NAME.fullmatch(name):
            problems.key(node, (*path, name), f"expected a name such as 'rival', got {shown(name)}")
        values[name] = tuple(_choices(node, (*path, name), problems))
    return values if all(values.values()) else None


def _choices(node: Located, path: Path, problems: Problems) -> Iterator[Scalar]:
    if not node.items:
        problems.value(node, path, f"expected a list of values, got {shown(node.plain())}")
    seen: set[str] = set()
    for index, item in enumerate(node.items):
        text = word(item.plain())
        if not isinstance(item.value, str | int | float):
            problems.value(item, (*path, index), f"expected a text or a number, got {shown(item.plain())}")
        elif len(text) > MAX_CASE_TEXT:
            problems.value(item, (*path, index), f"text too long: expected at most {MAX_CASE_TEXT} characters")
        elif text in seen:
            problems.value(item, (*path, index), f"{shown(item.value)} is given twice", "remove one")
        else:
            seen.add(text)
            yield item.value


def word(value: object) -> str:
    """A value of ``for`` as it appears in text."""
    return shown(value) if value is None or isinstance(value, bool) else str(value)


def _fill(node: Located, case: Case, path: Path, problems: Problems) -> Located:
    """The node with placeholders filled in; the very same node where it holds none."""
    value = node.value
    if isinstance(value, dict):
        entries = {name: _fill(child, case, (*path, name), problems) for name, child in value.items()}
        is_same = all(entries[name] is child for name, child in value.items())
        return node if is_same else node.with_entries(entries)
    if isinstance(value, tuple):
        items = tuple(_fill(child, case, (*path, i), problems) for i, child in enumerate(value))
        is_same = all(new is old for new, old in zip(items, value, strict=True))
        return node if is_same else Located(items, node.mark, node.key, node.end_line, node.weight)
    if not isinstance(value, str) or "{" not in value:
        return node
    filled = _fill_text(node, value, case, path, problems)
    return Located(filled, node.mark, node.key, node.end_line, node.weight)


def _fill_text(node: Located, text: str, case: Case, path: Path, problems: Problems) -> Scalar:
    def replace(match: re.Match[str]) -> str:
        literal, name = match.groups()
        if literal is not None:
            return f"{{{literal}}}"
        if name not in case:
            hint = suggest(name, case, "names in 'for'") if case else "the claim has no 'for'; write {{…}} for braces"
            problems.value(node, path, f"unknown placeholder {{{name}}}", hint)
            return name
        value = word(case[name])
        return re.sub(r"[^a-z0-9-]+", "-", value.lower()) if path[-1:] == ("id",) else value

    whole = _PLACEHOLDER.fullmatch(text)
    if whole is not None and whole.group(2) in case:
        return case[whole.group(2)] if path[-1:] != ("id",) else replace(whole)
    filled = _PLACEHOLDER.sub(replace, text)
    if len(filled) > MAX_TEXT:
        problems.value(node, path, f"text too long: expected at most {MAX_TEXT:,} characters once filled in")
    return filled
