"""The fields at a place of a part, for the hint below an unknown or missing field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from qaml.errors import PartError
from qaml.registry import Part
from qaml.spec.nodes import Located, Path
from qaml.types import Settings


def owner_of(settings: type[BaseModel], node: Located, path: Path) -> tuple[type[BaseModel], str] | None:
    """The class of the fields at ``path`` below a node of type ``settings``, and its name in messages."""
    current = _resolved(settings, node)
    word, is_keyed = "", False
    for step in path:
        child = node.child(step)
        if child is None:
            break
        node = child
        if is_keyed:  # a mapping's own key, such as a gate's name, is no field
            is_keyed = False
        elif isinstance(step, str):
            field = current.model_fields.get(step) if current is not None else None
            current = next(_models_in(field.annotation), None) if field is not None else None
            word = repr(step)
            is_keyed = field is not None and get_origin(field.annotation) is dict
        if (
            current is not None and not node.items and not is_keyed
        ):  # lists of parts have the family's type, items their kinds'
            current = _resolved(current, node)
    return None if current is None else (current, _name_of(current, node) or word)


def field_hint(owner: tuple[type[BaseModel], str], common: Sequence[str] = ()) -> str:
    """``fields of attack 'fgsm': epsilon, kind, norm``."""
    settings, name = owner
    names = sorted({*(field.alias or key for key, field in settings.model_fields.items()), *common})
    return f"fields of {name}: {', '.join(names)}" if name else f"fields: {', '.join(names)}"


def _resolved(settings: type[BaseModel], node: Located) -> type[BaseModel] | None:
    if issubclass(settings, Settings) and not issubclass(settings, Part):
        return settings.class_for(node.entries)
    registry = getattr(settings, "registry", None)
    if registry is None or settings is not registry.base_class:
        return settings
    kind = node.entries.get("kind")
    if kind is None or kind.text is None:
        return None
    try:
        part: type[BaseModel] = registry.load(kind.text)
    except PartError:
        return None
    return part


def _name_of(settings: type[BaseModel], node: Located) -> str:
    if not issubclass(settings, Part):
        return ""
    kind = node.entries.get("kind")
    return f"{settings.registry.family} {kind.value!r}" if kind is not None else ""


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
