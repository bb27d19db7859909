"""From pydantic's errors to positions in the file and plain words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from qaml.registry import Part
from qaml.spec.corrections import correction
from qaml.spec.document import SLUG
from qaml.spec.fields import field_hint, owner_of
from qaml.spec.nodes import Located, Path
from qaml.spec.pointers import for_field, for_kind, for_value
from qaml.spec.problems import Problems, did_you_mean, either, shown
from qaml.types import Settings

_EXPECTED = {
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "a text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "none_required": "nothing",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "multiple_of": "a multiple of {multiple_of:g}",
    "finite_number": "a finite number",
    "string_pattern_mismatch": "a text of the pattern {pattern}",
    "string_too_short": "a text of length {min_length} or more",
    "string_too_long": "a text of length {max_length} or less",
    "too_short": "a list of length {min_length} or more",
    "too_long": "a list of length {max_length} or less",
}
_ABOUT_LENGTH = frozenset({"missing", "too_short", "too_long"})

_KEY = "[key]"
"""Last step of pydantic's location where the key of a mapping is wrong, and not its value."""


class _Report(NamedTuple):
    """One failed validation: the validated mapping, its path in the document, its class, and the common fields."""

    node: Located
    path: Path
    settings: type[BaseModel]
    problems: Problems
    common: Sequence[str]


def report(
    error: ValidationError,
    node: Located,
    path: Path,
    settings: type[BaseModel],
    problems: Problems,
    common: Sequence[str] = (),
) -> None:
    """Note every error of a validation at its place in the file.

    Args:
        error: what pydantic found.
        node: the mapping that was validated.
        path: path of that mapping in the document, for messages.
        settings: class as which it was validated.
        problems: collects the mistakes.
        common: names of fields that every entry has beside the part's own.
    """
    context = _Report(node, path, settings, problems, common)
    places: dict[tuple[Path, str], list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        where, rest = _follow(node, detail["loc"])
        lacking = rest[-1] if detail["type"] == "missing" and rest and isinstance(rest[-1], str) else ""
        if rest[-1:] == (_KEY,):
            _wrong_key(context, where, detail)
        else:
            places.setdefault((where, lacking), []).append(detail)
    unknown = [where for (where, _), details in places.items() if details[0]["type"] == "extra_forbidden"]
    for (where, lacking), details in places.items():
        if lacking:
            _missing(context, where, lacking, unknown)
        elif where in unknown:
            _unknown(context, where)
        elif details[0]["type"].startswith("kind_"):
            _wrong_kind(context, where, details[0])
        elif not (_has_more(where, places) and all(map(_phrases, details))):
            _wrong(context, where, details)


def _has_more(where: Path, places: Iterable[tuple[Path, str]]) -> bool:
    """Whether a value has mistakes inside, too: then a member of its union fits but for these."""
    return any(other[: len(where)] == where and (len(other) > len(where) or lacking) for other, lacking in places)


def _follow(node: Located, location: tuple[int | str, ...]) -> tuple[Path, tuple[int | str, ...]]:
    """The steps of pydantic's location that exist in the document (others are tags of unions), and what is left."""
    path: Path = ()
    rest: tuple[int | str, ...] = ()
    for step in location:
        child = node.child(step)
        if child is None:
            rest = (*rest, step)
        else:
            node, path, rest = child, (*path, step), ()
    return path, rest


def _fields(context: _Report, where: Path) -> str:
    owner = owner_of(context.settings, context.node, where)
    return "" if owner is None else field_hint(owner, () if where else context.common)


def _missing(context: _Report, where: Path, name: str, unknown: Sequence[Path]) -> None:
    if any(other[:-1] == where and did_you_mean(other[-1], [name]) for other in unknown):
        return  # the unknown field is this one, misspelt
    owner = owner_of(context.settings, context.node, where)
    field = owner[0].model_fields.get(name) if owner is not None else None
    hint = " ".join((field.description or "").replace("``", "'").split()) if field is not None else ""
    if owner is not None and issubclass(owner[0], Settings):
        hint = owner[0].hint_about_missing(name, context.node.at(where).plain()) or hint
    path = (*context.path, *where, name)
    context.problems.missing(context.node.at(where), path, hint=hint or _fields(context, where))


def _wrong_kind(context: _Report, where: Path, detail: ErrorDetails) -> None:
    path = (*context.path, *where, "kind")
    kind = context.node.at(where).child("kind")
    if detail["type"] == "kind_missing" and kind is None:
        kinds = detail["ctx"]["kinds"]
        meant = _named_otherwise(context.node.at(where), kinds.split(", "))
        context.problems.missing(context.node.at(where), path, hint=f"{meant}kinds: {kinds}")
    elif kind is not None:
        is_name = detail["type"] == "kind_unknown"
        message = detail["msg"] if is_name else f"expected the name of a kind, got {shown(kind.plain())}"
        hint = _hint(detail) if is_name else f"kinds: {detail['ctx']['kinds']}"
        context.problems.value(kind, path, message, hint)


def _unknown(context: _Report, where: Path) -> None:
    parent, name = where[:-1], str(where[-1])
    owner = owner_of(context.settings, context.node, parent)
    known = () if owner is None else (*owner[0].model_fields, *(() if parent else context.common))
    near = _pointer(context, owner, name, known) or did_you_mean(name, known)
    hint = " ".join(filter(None, (near, _fields(context, parent))))
    context.problems.key(context.node.at(where), (*context.path, *where), "unknown field", hint)


def _wrong_key(context: _Report, where: Path, detail: ErrorDetails) -> None:
    """Note a key that is none of a mapping's, such as a gate of a name that there is not."""
    choices = _phrases(detail)
    message = f"expected {either(choices)}, got {shown(detail['input'])}" if choices else _message(detail)
    hint = did_you_mean(detail["input"], [word.strip("'") for word in choices])
    context.problems.key(context.node.at(where), (*context.path, *where), message, hint)


def _hint(detail: ErrorDetails) -> str:
    """The hint that an error carries; for a kind or metric of another name, where that is found."""
    about = detail.get("ctx", {})
    where = for_kind(about["family"], about["kind"]) if "known" in about else ""
    return f"{where} {about['known']}" if where else str(about.get("hint", ""))


def _named_otherwise(node: Located, kinds: Sequence[str]) -> str:
    """A suggestion where a mapping without ``kind`` names one: ``{type: pgd}``, or ``{pgd: {…}}``."""
    texts = [child.text for child in node.entries.values() if child.text in kinds]
    named = next((text for text in (*texts, *node.entries) if text in kinds), None)
    return f"did you mean 'kind: {named}'? " if named is not None else ""


def _pointer(context: _Report, owner: tuple[type[BaseModel], str] | None, name: str, known: Sequence[str]) -> str:
    """Where a field of another name is found, among the fields that there are."""
    if owner is None:
        return ""
    settings, word = owner
    family = settings.registry.family if issubclass(settings, Part) else word.strip("'") or str(context.path[-1])
    where = for_field(family, name)
    fields = re.findall(r"'(\w+)'", where)
    return where if where and (not fields or any(field in known for field in fields)) else ""


def _as_mapping(context: _Report, where: Path, expected: Collection[str]) -> str:
    """How to write a text as the mapping that was expected: ``{kind: digits}``, ``{model: cnn}``."""
    value, owner = context.node.at(where), owner_of(context.settings, context.node, where)
    if value.text is None or not SLUG.fullmatch(value.text.replace("_", "-")) or list(expected) != ["a mapping"]:
        return ""
    required = [name for name, field in (owner[0].model_fields if owner else {}).items() if field.is_required()]
    return f"write {{{required[0]}: {value.text}}}" if len(required) == 1 else ""


def _wrong(context: _Report, where: Path, details: list[ErrorDetails]) -> None:
    """Note a wrong value; the errors of a union's members are one expectation with 'or'."""
    value = context.node.at(where)
    path = (*context.path, *where)
    expected: dict[str, None] = {}
    hint = ""
    for detail in _but_the_longest(details):
        words = _expectation(detail) if len(details) > 1 else _phrases(detail)
        if words:
            expected.update(dict.fromkeys(words))
            choices = [word.strip("'") for word in words]
            hint = hint or for_value(where, detail["input"], choices) or did_you_mean(detail["input"], choices)
        else:
            message = _message(detail)
            text = value.text if detail["type"] == "part_type" else None
            hint_here = f"write {{kind: {text}}}" if text else correction(value, [message])
            context.problems.value(value, path, message, _hint(detail) or hint_here)
    if expected:
        hint = hint or correction(value, expected) or _as_mapping(context, where, expected)
        is_mapping_wanted = any(detail["type"] == "model_type" for detail in details)
        hint = hint or (_fields(context, where) if is_mapping_wanted else "")
        context.problems.value(value, path, f"expected {either(list(expected))}, got {_got(value, details)}", hint)


def _but_the_longest(details: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """The details without those of all missing items of a list of fixed length but the last one."""
    last = max((detail["loc"][-1] for detail in details if detail["type"] == "missing"), default=None)
    return [detail for detail in details if detail["type"] != "missing" or detail["loc"][-1] == last]


def _got(value: Located, details: Iterable[ErrorDetails]) -> str:
    plain = value.plain()
    is_about_length = any(detail["type"] in _ABOUT_LENGTH for detail in details)
    return f"one of length {len(plain)}" if is_about_length and isinstance(plain, list) and plain else shown(plain)


def _expectation(detail: ErrorDetails) -> list[str]:
    """The expectation: the alternatives of ``_phrases``, or a validator's own message."""
    message = _message(detail)
    if message.startswith("expected ") and ", got " in message:
        return [message.removeprefix("expected ").split(", got ")[0]]
    return _phrases(detail)


def _phrases(detail: ErrorDetails) -> list[str]:
    """The alternatives of what was expected; none where the error's own message has to suffice."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        return [f"a list of length {int(detail['loc'][-1]) + 1}"]
    if kind == "literal_error":
        return str(context["expected"]).replace(" or ", ", ").split(", ")
    return [_EXPECTED[kind].format(**context)] if kind in _EXPECTED else []


def _message(detail: ErrorDetails) -> str:
    raised = detail.get("ctx", {}).get("error")
    text = str(raised) if raised is not None else detail["msg"]
    return text if text[:2].isupper() else text[:1].lower() + text[1:]
