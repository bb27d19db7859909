"""Checks that every name of a suite's tables is defined, and that names form no circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qaml.attacks.elsewhere import SEPARATOR
from qaml.registry import references
from qaml.spec.claims import BuiltClaim
from qaml.spec.merge import SECTIONS
from qaml.spec.nodes import Located, Path
from qaml.spec.problems import Problems, suggest
from qaml.spec.suite import Suite
from qaml.spec.transfers import unknown

_SINGULAR = {
    "datasets": "dataset",
    "models": "model",
    "attacks": "attack",
    "detectors": "detector",
    "reported": "table",
}
_PLURAL = {"reported": "tables"}


def check_names(suite: Suite, document: Located, claims: list[BuiltClaim], problems: Problems) -> None:
    """Note every name that no table defines, and every circle of names."""
    known = {table: _names(document, table) for table in _SINGULAR}
    for value, node, path in _mentioning(suite, document, claims):
        for where, table, name in references(value):
            if table == "attacks" and SEPARATOR in name and path[0] in ("claims", "detectors"):
                for message, hint in unknown(name, known, suite.attacks):
                    problems.value(node.at(where), (*path, *where), message, hint)
            elif name not in known[table]:
                hint = suggest(name, known[table], _PLURAL.get(table, table))
                problems.value(node.at(where), (*path, *where), f"unknown {_SINGULAR[table]} {name!r}", hint)
    _check_own_names(suite, document, known, problems)
    _check_tables(suite, document, known, problems)
    _check_assumed(document, problems)
    _check_circles(suite, document, problems)


def _check_own_names(suite: Suite, document: Located, known: Mapping[str, tuple[str, ...]], problems: Problems) -> None:
    """Names that the suite's own fields hold rather than a part's."""
    for name, model in suite.models.items():
        if model.derived_from is None and model.dataset not in known["datasets"]:
            path, hint = ("models", name, "dataset"), suggest(model.dataset, known["datasets"], "datasets")
            problems.value(document.at(path), path, f"unknown dataset {model.dataset!r}", hint)


def _names(document: Located, table: str) -> tuple[str, ...]:
    section = document.entries.get(table)
    return tuple(section.entries) if section is not None else ()


def _mentioning(suite: Suite, document: Located, claims: list[BuiltClaim]) -> Iterator[tuple[object, Located, Path]]:
    for section in ("datasets", "attacks", "detectors", "reported"):
        for name, part in getattr(suite, section).items():
            if SEPARATOR not in name:  # a name with a model has no entry in the document
                yield part, document.at((section, name)), (section, name)
    for name, model in suite.models.items():
        if model.derived_from is None:
            node = document.at(("models", name))
            yield model.part, node, ("models", name)
            yield {"defences": model.defences}, node, ("models", name)
    for claim in claims:
        yield claim.entry.part, claim.node, claim.path


def _check_tables(suite: Suite, document: Located, known: Mapping[str, tuple[str, ...]], problems: Problems) -> None:
    attacks = known["attacks"]
    for name, table in suite.reported.items():
        rows = document.at(("reported", name, "rows"))
        for row, values in table.rows.items():
            path: Path = ("reported", name, "rows", row)
            node = rows.entries[row]
            if SEPARATOR in row:
                for message, hint in unknown(row, known, suite.attacks):
                    problems.key(node, path, message, hint)
            elif row not in (*attacks, "clean"):
                problems.key(node, path, f"unknown attack {row!r}", suggest(row, (*attacks, "clean"), "rows can be"))
            if len(values) != len(table.columns):
                message = f"expected one value a column ({len(table.columns)}), got {len(values)}"
                problems.value(node, path, message, f"columns: {', '.join(table.columns)}")


def _check_assumed(document: Located, problems: Problems) -> None:
    assumed = document.entries.get("assumed")
    for key, node in (assumed.entries if assumed is not None else {}).items():
        section, _, rest = key.partition(".")
        name = rest.split(".")[0]
        if section in (*SECTIONS, "reported") and name and name not in _names(document, section):
            hint = suggest(name, _names(document, section), section)
            problems.key(node, ("assumed", key), f"unknown {_SINGULAR[section]} {name!r}", hint)


def _check_circles(suite: Suite, document: Located, problems: Problems) -> None:
    """Note circles: a model that trains against an attack made on it, or continues from itself, can never start."""
    edges: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name, model in suite.models.items():
        mentioned = (*references({"defences": model.defences}), *references(model.part))
        found = [(table, other) for _, table, other in mentioned]
        edges["models", name] = found
    for name, attack in suite.attacks.items():
        edges["attacks", name] = [(table, other) for _, table, other in references(attack)]
    for name in suite.models:
        ring = _circle(("models", name), edges)
        if ring is not None:
            node = document.at(("models", name))
            message = f"needs itself: {' → '.join(word for _, word in ring)}"
            problems.key(
                node,
                ("models", name),
                message,
                "a model must not be trained against an attack made on it, nor go on from itself",
            )
    for name in _names(document, "attacks"):
        ring = _circle(("attacks", name), edges)
        if ring is not None and all(table == "attacks" for table, _ in ring):
            node = document.at(("attacks", name))
            problems.key(node, ("attacks", name), f"needs itself: {' → '.join(word for _, word in ring)}")


def _circle(
    start: tuple[str, str], edges: Mapping[tuple[str, str], list[tuple[str, str]]]
) -> list[tuple[str, str]] | None:
    """The path from a name back to itself, if one exists; breadth first, every name once."""
    came_from: dict[tuple[str, str], tuple[str, str]] = {}
    frontier = [start]
    while frontier:
        current = frontier.pop(0)
        for following in edges.get(current, ()):
            if following == start:
                ring = [start, current]
                while ring[-1] != start:
                    ring.append(came_from[ring[-1]])
                return ring[::-1] if len(ring) > 1 else [start, start]
            if following not in came_from:
                came_from[following] = current
                frontier.append(following)
    return None
