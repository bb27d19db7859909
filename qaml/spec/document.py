"""The outer shape of a spec: its sections, and the kind of value that each must hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from qaml.spec.corrections import correction
from qaml.spec.merge import OVERRIDABLE, SECTIONS
from qaml.spec.nodes import Located, Path
from qaml.spec.pointers import for_section
from qaml.spec.problems import Problems, shown, suggest
from qaml.vocab import PROFILES

SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
TEXTS: Final = ("suite", "title", "summary")
TOP_LEVEL: Final = (
    *TEXTS,
    "source",
    "evaluation",
    "diagnostics",
    "devices",
    *SECTIONS,
    "reported",
    "assumed",
    "claims",
    "profiles",
)
_OBJECTS = ("source", "evaluation", "diagnostics", "assumed")
_SLUG_WORDS = "expected lower-case letters, digits and hyphens"


def check_shape(document: Located, problems: Problems) -> None:
    """Note every mistake of the sections themselves, before their content is read.

    Raises:
        SpecError: the document is not a mapping.
    """
    if not document.is_mapping:
        problems.value(document, (), f"expected a mapping with 'suite' and 'claims', got {shown(document.plain())}")
        problems.raise_any()
    _check_names(document, problems)
    for name in TEXTS:
        if name in document.entries:
            _check_text(document.entries[name], (name,), problems)
    for name in _OBJECTS:
        _check_mapping(document.entries.get(name), (name,), problems)
    _check_table(document.entries.get("devices"), ("devices",), problems, are_slugs=False)
    for name in (*SECTIONS, "reported"):
        _check_table(document.entries.get(name), (name,), problems, are_slugs=True)
    _check_claims(document, problems)
    _check_profiles(document.entries.get("profiles"), problems)


def _check_names(document: Located, problems: Problems) -> None:
    for name, node in document.entries.items():
        if name == "extends":
            problems.key(node, (name,), "a suite cannot extend another", "datasets, models, attacks and detectors can")
        elif name not in TOP_LEVEL:
            where = for_section(name)
            hint = f"{where} sections: {', '.join(TOP_LEVEL)}" if where else suggest(name, TOP_LEVEL, "sections")
            problems.key(node, (name,), "unknown section", hint)
    for name in ("suite", "claims"):
        if name not in document.entries:
            problems.missing(document, (name,))
    suite = document.entries.get("suite")
    if suite is not None and suite.text is not None and not SLUG.fullmatch(suite.text):
        problems.value(suite, ("suite",), f"{_SLUG_WORDS}, got {shown(suite.text)}")


def _check_text(node: Located, path: Path, problems: Problems) -> None:
    if node.text is None:
        hint = correction(node, ()) or "put it in quotes"
        problems.value(node, path, f"expected a text, got {shown(node.plain())}", hint)


def _check_mapping(node: Located | None, path: Path, problems: Problems) -> bool:
    if node is not None and not node.is_mapping:
        problems.value(node, path, f"expected a mapping, got {shown(node.plain())}", _as_mapping(node, path))
    return node is not None and node.is_mapping


def _as_mapping(node: Located, path: Path) -> str:
    """How to write an entry of a table that is only a name, or a table that is a list."""
    if path[0] in SECTIONS and len(path) == 2 and node.text is not None:
        return f"write {{kind: {node.text}}}"
    if path[0] in SECTIONS and len(path) == 1 and node.items:
        return f"names are keys: '{path[0]}: {{mine: {{kind: …}}}}'"
    return ""


def _check_table(node: Located | None, path: Path, problems: Problems, *, are_slugs: bool) -> None:
    if node is None or not _check_mapping(node, path, problems):
        return
    for name, entry in node.entries.items():
        if are_slugs and not SLUG.fullmatch(name):
            problems.key(entry, (*path, name), f"a name: {_SLUG_WORDS}, got {shown(name)}")
        _check_mapping(entry, (*path, name), problems)


def _check_claims(document: Located, problems: Problems) -> None:
    claims = document.entries.get("claims")
    if claims is None:
        return
    if claims.value is not None and not isinstance(claims.value, tuple):
        problems.value(claims, ("claims",), f"expected a list of claims, got {shown(claims.plain())}")
    elif not claims.items:
        problems.key(claims, ("claims",), "an empty suite proves nothing: expected at least one claim")
    for index, claim in enumerate(claims.items):
        _check_mapping(claim, ("claims", index), problems)


def _check_profiles(profiles: Located | None, problems: Problems) -> None:
    if profiles is None or not _check_mapping(profiles, ("profiles",), problems):
        return
    for profile, overrides in profiles.entries.items():
        path: Path = ("profiles", profile)
        if profile not in PROFILES:
            problems.key(overrides, path, "unknown profile", suggest(profile, PROFILES, "profiles"))
        if overrides.value is not None and _check_mapping(overrides, path, problems):
            _check_overrides(overrides.entries, path, problems)


def _check_overrides(sections: Mapping[str, Located], path: Path, problems: Problems) -> None:
    for name, node in sections.items():
        if name not in OVERRIDABLE:
            hint = suggest(name, OVERRIDABLE, "it can change")
            problems.key(node, (*path, name), "a profile cannot change this", hint)
        elif name in (*SECTIONS, "claims"):
            _check_table(node, (*path, name), problems, are_slugs=name in SECTIONS)
        else:
            _check_mapping(node, (*path, name), problems)
