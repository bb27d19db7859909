"""Merging within a spec: a profile's overrides over the document, and an entry over the one that it extends."""

from __future__ import annotations

from collections.abc import Mapping

from qaml.spec.limits import MAX_DEPTH, MAX_WEIGHT
from qaml.spec.nodes import Located, Path
from qaml.spec.problems import Problems, did_you_mean, shown, suggest

SECTIONS = ("datasets", "models", "attacks", "detectors")
"""Tables whose entries are parts: they may extend one another, and a profile may replace one by another kind."""
OVERRIDABLE = (*SECTIONS, "evaluation", "diagnostics", "claims")


def merge(base: Located, over: Located) -> Located:
    """The base with the override's values; mappings merge, everything else (also lists) is replaced.

    A mapping that names another ``kind`` replaces the base's: its fields would mean nothing there.
    """
    if not (base.is_mapping and over.is_mapping) or _changes_kind(base, over):
        return over
    entries = dict(base.entries)
    for name, child in over.entries.items():
        entries[name] = merge(entries[name], child) if name in entries else child
    return base.with_entries(entries)


def _changes_kind(base: Located, over: Located) -> bool:
    kinds = [node.entries["kind"].value for node in (base, over) if "kind" in node.entries]
    return len(kinds) == 2 and kinds[0] != kinds[1]


def apply_profile(document: Located, profile: str, problems: Problems) -> Located:
    """The document with a profile's overrides, less the ``profiles`` themselves."""
    entries = dict(document.entries)
    overrides = entries.pop("profiles", None)
    over = overrides.entries.get(profile) if overrides is not None else None
    for section, node in (over.entries if over is not None else {}).items():
        path: Path = ("profiles", profile, section)
        if section not in OVERRIDABLE:
            continue  # reported with the document's other unknown keys
        if section == "claims":
            entries["claims"] = _override_claims(entries.get("claims"), node, path, problems)
        elif section in SECTIONS and section in entries:
            entries[section] = _override_table(entries[section], node)
        else:
            entries[section] = merge(entries[section], node) if section in entries else node
    return document.with_entries(entries)


def _override_table(table: Located, over: Located) -> Located:
    """Merge entry by entry; one that names another kind than the entry has, or inherits, replaces it."""
    entries = dict(table.entries)
    for name, node in over.entries.items():
        kind = node.entries.get("kind")
        replaces = name not in entries or (kind is not None and kind.plain() != _kind_of(name, table))
        entries[name] = node if replaces else merge(entries[name], node)
    return table.with_entries(entries)


def _kind_of(name: str, table: Located) -> object:
    """The kind that an entry names or inherits; ``None`` where it has no kind."""
    seen: set[str] = set()
    while name in table.entries and name not in seen:
        seen.add(name)
        entry = table.entries[name].entries
        if "kind" in entry:
            return entry["kind"].plain()
        name = (entry["extends"].text if "extends" in entry else None) or ""
    return None


def _override_claims(claims: Located | None, over: Located, path: Path, problems: Problems) -> Located:
    templates = [] if claims is None else [template(claim) for claim in claims.items]
    for name, node in over.entries.items():
        if name not in templates:
            hint = (
                did_you_mean(name, filter(None, templates))
                or "use the claim's id as it is written, placeholders included"
            )
            problems.key(node, (*path, name), "unknown claim", hint)
    if claims is None:
        return over
    kept = []
    for claim in claims.items:
        change = over.entries.get(template(claim))
        changed = claim if change is None else _override_claim(claim, change, path, problems)
        if changed is not None:
            kept.append(changed)
    return Located(tuple(kept), claims.mark, claims.key, claims.end_line, claims.weight + over.weight)


def template(claim: Located) -> str:
    """A claim's id as it is written, placeholders included."""
    identifier = claim.entries.get("id")
    return (identifier.text or "") if identifier is not None else ""


def _override_claim(claim: Located, change: Located, path: Path, problems: Problems) -> Located | None:
    here: Path = (*path, template(claim))
    skip = change.entries.get("skip")
    if skip is not None and not isinstance(skip.value, bool):
        problems.value(skip, (*here, "skip"), f"expected true or false, got {shown(skip.plain())}")
    if "id" in change.entries:
        problems.key(change.entries["id"], (*here, "id"), "a profile cannot change a claim's id")
    if skip is not None and skip.value is True:
        return None
    return merge(claim, change.without("skip", "id"))


def write_out_extends(document: Located, problems: Problems) -> Located:
    """The document with every ``extends`` of its parts merged below the entry's own fields.

    Raises:
        SpecError: written out, a section exceeds the limits.
    """
    entries = dict(document.entries)
    for section in SECTIONS:
        if section in entries:
            table = entries[section]
            entries[section] = table.with_entries(_Extends(table, section, problems).resolved())
    return document.with_entries(entries)


class _Extends:
    def __init__(self, table: Located, section: str, problems: Problems) -> None:
        self._table = table
        self._section = section
        self._problems = problems
        self._resolved: dict[str, Located] = {}
        self._weight = 0

    def resolved(self) -> dict[str, Located]:
        for name in self._table.entries:
            self._resolve(name, ())
        return {name: self._resolved[name] for name in self._table.entries}

    def _resolve(self, name: str, trail: tuple[str, ...]) -> Located:
        if name not in self._resolved:
            node = self._table.entries[name]
            extends = node.entries.get("extends")
            entry = node if extends is None else self._write_out(name, node.without("extends"), extends, trail)
            self._resolved[name] = entry
            self._weigh(entry)
        return self._resolved[name]

    def _write_out(self, name: str, own: Located, extends: Located, trail: tuple[str, ...]) -> Located:
        path: Path = (self._section, name, "extends")
        here = (*trail, name)
        refused = Located(None, own.mark, own.key)
        if not _can_extend(extends, self._table.entries, path, self._problems):
            return refused
        base = str(extends.value)
        if base in here:
            ring = " → ".join((*here[here.index(base) :], base))
            self._problems.value(extends, path, f"entries extend one another in a circle: {ring}")
            return refused
        if len(here) > MAX_DEPTH:
            self._problems.value(extends, path, f"extends too deeply: expected at most {MAX_DEPTH} levels")
            return refused
        return _extend(self._resolve(base, here), own, path[:2], self._problems)

    def _weigh(self, entry: Located) -> None:
        self._weight += entry.weight
        if self._weight > MAX_WEIGHT:
            message = f"too large: more than {MAX_WEIGHT:,} values with 'extends' written out"
            self._problems.key(self._table, (self._section,), message)
            self._problems.raise_any()


def _can_extend(extends: Located, entries: Mapping[str, Located], path: Path, problems: Problems) -> bool:
    name = extends.text
    if name is None:
        problems.value(extends, path, f"expected the name of an entry, got {shown(extends.plain())}")
        return False
    if name not in entries:
        problems.value(extends, path, f"unknown name {name!r}", suggest(name, entries, str(path[0])))
        return False
    return True


def _extend(base: Located, own: Located, path: Path, problems: Problems) -> Located:
    if not base.is_mapping:
        return base
    if _changes_kind(base, own):
        was, now = (node.entries["kind"].plain() for node in (base, own))
        message = f"extends an entry of kind {shown(was)} but names kind {shown(now)}"
        problems.value(own.entries["kind"], (*path, "kind"), message, "an entry extends one of its own kind")
        return Located(None, own.mark, own.key)
    if "derive" in base.entries:
        problems.key(own, path, "cannot extend a derived model", "derive from it instead")
    merged = merge(base, own)
    return Located(merged.value, own.mark, own.key, own.end_line, merged.weight)
