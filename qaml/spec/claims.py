"""From the ``claims`` of a document to expanded, validated claims."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from pydantic import Field

from qaml.claims.base import ClaimPart
from qaml.spec.document import SLUG
from qaml.spec.expand import Case, Expansion, word
from qaml.spec.expectations import expectation
from qaml.spec.merge import template
from qaml.spec.nodes import Located, Mark, Path, mapping
from qaml.spec.problems import Problems
from qaml.spec.suite import ClaimEntry
from qaml.spec.validate import validate
from qaml.types import Settings
from qaml.vocab import ProfileName, Verdict


class ClaimFields(Settings):
    """The fields that every claim has beside those of its kind."""

    id: str = Field(min_length=1)
    """Name of the claim, unique in the suite; with ``for`` it holds placeholders, as in ``rbm-beats-{rival}``."""
    statement: str = Field(min_length=1)
    """The sentence that is claimed, for readers."""
    paper_says: Verdict | None = None
    """The verdict that follows from the paper's own numbers."""


Sweeps: TypeAlias = Mapping[str, Mapping[str, Sequence[object]]]
"""The sweeps by claim: the id as it is written → a name of its ``for`` → values."""

COMMON = (*ClaimFields.model_fields, "for", "expected")


class BuiltClaim(NamedTuple):
    """A claim with the positions that checks need to point into the file.

    Attributes:
        entry: the validated claim.
        node: the expanded mapping it was made from.
        path: path of that mapping, for messages; the id replaces the position in the list.
    """

    entry: ClaimEntry
    node: Located
    path: Path


def build_claims(
    document: Located, sweeps: Sweeps, profile: ProfileName, lines: Sequence[str], problems: Problems
) -> list[BuiltClaim]:
    """Every claim, expanded, in file order; mistakes are noted.

    Args:
        document: the document with the profile's overrides.
        sweeps: the values of every profile by the claim's id as it is written, which an expectation may name.
        profile: the loaded profile.
        lines: the lines of the file.
        problems: collects the mistakes.
    """
    claims = document.entries.get("claims")
    if claims is None:
        return []
    expansion = Expansion(problems)
    built: list[BuiltClaim] = []
    first: dict[str, Mark] = {}
    for index, claim in enumerate(claims.items):
        if not claim.is_mapping:
            continue
        path = ("claims", _label(claim, index))
        sweep = sweeps.get(template(claim), {})
        for case, node in expansion.expand(claim, path):
            _check_id(node, path, first, problems)
            entry = _build(node, case, sweep, path, profile, _quote(claim, lines), problems)
            if entry is not None:
                built.append(BuiltClaim(entry, node, path))
    return built


def _label(claim: Located, index: int) -> str | int:
    identifier = claim.entries.get("id")
    return identifier.text if identifier is not None and identifier.text else index


def all_sweeps(document: Located) -> Sweeps:
    """The values of every ``for`` in a document and in the overrides of its profiles, together."""
    sweeps: dict[str, dict[str, list[object]]] = {}
    for identifier, claim in _written(document):
        sweep = claim.entries.get("for")
        for name, node in (sweep.entries if sweep is not None else {}).items():
            sweeps.setdefault(identifier, {}).setdefault(name, []).extend(item.plain() for item in node.items)
    return sweeps


def _written(document: Located) -> Iterator[tuple[str, Located]]:
    claims, profiles = document.entries.get("claims"), document.entries.get("profiles")
    for claim in claims.items if claims is not None else ():
        yield template(claim), claim
    for profile in profiles.entries.values() if profiles is not None else ():
        if "claims" in profile.entries:
            yield from profile.entries["claims"].entries.items()


def _check_id(node: Located, path: Path, first: dict[str, Mark], problems: Problems) -> None:
    identifier = node.entries.get("id")
    if identifier is None or not identifier.text:
        return
    where = (*path, "id")
    if not SLUG.fullmatch(identifier.text):
        message = f"expected lower-case letters, digits and hyphens, got {identifier.text[:60]!r}"
        problems.value(identifier, where, message)
    elif identifier.text in first:
        line, column = first[identifier.text]
        hint = "an id with 'for' needs a placeholder for each name" if first[identifier.text] == identifier.mark else ""
        problems.value(identifier, where, f"duplicate id {identifier.text!r}, first given at {line}:{column}", hint)
    first.setdefault(identifier.text, identifier.mark)


def _build(
    node: Located,
    case: Case,
    sweep: Mapping[str, Sequence[object]],
    path: Path,
    profile: ProfileName,
    quoted: str,
    problems: Problems,
) -> ClaimEntry | None:
    shared = {name: child for name, child in node.entries.items() if name in ClaimFields.model_fields}
    fields = validate(ClaimFields, mapping(shared, node.first_mark), path, problems)
    expected = expectation(node.entries.get("expected"), case, sweep, profile, (*path, "expected"), problems)
    part = validate(ClaimPart, node.without(*COMMON), path, problems, COMMON)
    if fields is None or part is None:
        return None
    return ClaimEntry(
        id=fields.id,
        case={name: word(value) for name, value in case.items()},
        statement=fields.statement,
        part=part,
        expected=expected,
        paper_says=fields.paper_says,
        line=node.mark.line,
        yaml=quoted,
    )


def _quote(claim: Located, lines: Sequence[str]) -> str:
    return textwrap.dedent("\n".join(lines[claim.mark.line - 1 : claim.end_line]))
