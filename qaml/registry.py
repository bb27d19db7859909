"""Parts, and the registry that finds one by its kind: built-in tables first, then entry points of other packages.

A part is light: a frozen pydantic class whose methods import the heavy file beside it. Looking up one kind
imports one part (``docs/architecture.md``).
"""

from __future__ import annotations

import difflib
import importlib
import json
import sys
import warnings
from collections.abc import Iterator, Mapping, MutableSequence, MutableSet, Sequence
from functools import cache, lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, TypeVar, get_args, get_origin

from pydantic import BaseModel, GetCoreSchemaHandler, ValidatorFunctionWrapHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from qaml.containment import Escaped, contained, error_in_words
from qaml.errors import PartError
from qaml.text import clean
from qaml.types import Settings

_LONGEST = 60
"""Most characters of an unknown kind that are shown, and compared with the known kinds."""


class Reference(NamedTuple):
    """Marks a string field that names an entry of one of the suite's tables."""

    table: str


ModelName = Annotated[str, Reference("models")]
AttackName = Annotated[str, Reference("attacks")]
DatasetName = Annotated[str, Reference("datasets")]
TableName = Annotated[str, Reference("reported")]
DetectorName = Annotated[str, Reference("detectors")]


class UnknownKind(PartError):
    """A family has no such kind.

    Args:
        family: the word for the family, such as ``attack``.
        kind: what was asked for.
        kinds: every kind that there is.
    """

    def __init__(self, family: str, kind: str, kinds: Sequence[str]) -> None:
        self.family = family
        self.kind = kind[:_LONGEST]
        self.known = f"known {family}s: {', '.join(kinds)}"
        close = difflib.get_close_matches(self.kind.lower(), kinds, 1, 0.5)
        hint = f"did you mean {close[0]!r}? {self.known}" if close else self.known
        super().__init__(f"unknown {family} {self.kind!r}", hint)


def details(error: PartError) -> dict[str, str]:
    """The context of a validation error that says the same as this error, and what an unknown kind was asked of."""
    said = {"message": error.message, "hint": error.hint}
    if isinstance(error, UnknownKind):
        said |= {"family": error.family, "kind": error.kind, "known": error.known}
    return said


class Part(Settings):
    """Anything that a spec names by ``kind``; families derive a base of their own and set ``registry``.

    Validating a family's base with a mapping returns the part that its ``kind`` names, so a field of type
    ``SamplerPart`` accepts every registered sampler.
    """

    registry: ClassVar[Registry[Any]]
    kind: str

    @property
    def source_modules(self) -> tuple[str, ...]:
        """Python modules, beside the part's own, whose changes make stored results stale."""
        return ()

    @property
    def runs_foreign_code(self) -> bool:
        """Whether its methods run code that is not qaml's own, so that its steps need a process of their own."""
        return type(self).__module__.partition(".")[0] != "qaml"

    @property
    def what_it_reads(self) -> tuple[str, ...]:
        """Files and folders, and environment variables as ``env:NAME``, whose changes make stored results stale."""
        return ()

    def find_code(self) -> None:
        """Import the code that its settings name, if the user trusts it, and look it up; nothing is called.

        Raises:
            PartError: it is not trusted, cannot be imported, or does not exist.
        """

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Refuse fields that could change without changing the key: parts are values.

        Raises:
            PartError: a field is a list or a set.
        """
        for name, field in cls.model_fields.items():
            fault = _changeable(field.annotation)
            if fault is not None:
                raise PartError(
                    f"{cls.__module__}.{cls.__name__}.{name} {fault}, which can change behind the results it made",
                    "write tuple[…, ...] or frozenset[…]: a spec's lists become tuples",
                )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A family's base resolves kinds; its parts validate as they are.

        A wrap validator on the parts themselves would hide that their input is JSON, and strict mode takes a list
        for a tuple in JSON only.
        """
        schema = handler(source)
        is_family_base = cls.__mro__[2] is Settings
        return core_schema.no_info_wrap_validator_function(cls._resolve_kind, schema) if is_family_base else schema

    @classmethod
    def _resolve_kind(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        registry: Registry[Any] | None = getattr(cls, "registry", None)
        if registry is None or isinstance(value, cls):
            return handler(value)
        if not isinstance(value, Mapping):
            raise PydanticCustomError(
                "part_type", "expected a {family} (a mapping with 'kind')", {"family": registry.family}
            )
        kind = value.get("kind")
        if not isinstance(kind, str):
            raise PydanticCustomError(
                "kind_missing",
                "a {family} needs a 'kind'",
                {"family": registry.family, "kinds": ", ".join(registry.kinds())},
            )
        try:
            part = registry.load(kind)
        except PartError as error:
            raise PydanticCustomError("kind_unknown", "{message}", details(error)) from error
        return part.model_validate_json(json.dumps(value))


P = TypeVar("P", bound=Part)


class Registry(Generic[P]):
    """The kinds of one family of parts.

    Args:
        family: the word used in messages, such as ``attack``.
        group: the entry-point group that third parties use, such as ``qaml.attacks``.
        builtins: kind → ``module:Class``; nothing is imported before a kind is looked up.
    """

    base_class: type[P]

    def __init__(self, family: str, group: str, builtins: Mapping[str, str]) -> None:
        self.family = family
        self.group = group
        self._builtins = dict(builtins)
        self._loaded: dict[str, type[P]] = {}
        self._refused: dict[str, str] = {}

    def bind(self, base_class: type[P]) -> None:
        """Set the family's base class; called once, below its definition."""
        self.base_class = base_class
        base_class.registry = self

    def kinds(self) -> list[str]:
        """Every available kind, built-in ones first."""
        return [*self._builtins, *sorted(self._third_party())]

    def builtin_kinds(self) -> list[str]:
        """The kinds that qaml brings along."""
        return list(self._builtins)

    def load(self, kind: str) -> type[P]:
        """Import and return the part of this kind.

        Raises:
            PartError: the kind is unknown, named twice, or its package cannot be imported.
        """
        if kind not in self._loaded:
            self._loaded[kind] = self._import(kind)
        return self._loaded[kind]

    def _import(self, kind: str) -> type[P]:
        if kind in self._builtins:
            module, _, name = self._builtins[kind].partition(":")
            part: type[P] = getattr(importlib.import_module(module), name)
            return part
        candidates = self._third_party().get(kind, [])
        if not candidates:
            raise UnknownKind(self.family, kind, self.kinds())
        if len(candidates) > 1:
            owners = ", ".join(_distribution(e) for e in candidates)
            raise PartError(
                f"{self.family} {kind!r} is registered more than once, by {owners}", "uninstall one of them"
            )
        return self._import_entry_point(kind, candidates[0])

    def _import_entry_point(self, kind: str, entry: EntryPoint) -> type[P]:
        owner = _distribution(entry)
        try:
            if kind in self._refused:
                raise Escaped(self._refused[kind])
            with contained() as changes:
                part = entry.load()
        except Escaped as error:
            self._refused[kind] = str(error)  # a module that fails would be run again for every spec that names it
            raise PartError(
                f"{self.family} {kind!r} of {owner} cannot be imported: {error}", f"repair or uninstall {owner}"
            ) from error
        if changes:
            with warnings.catch_warnings():
                warnings.simplefilter("default")  # an error of the importing test suite's own would refuse the spec
                message = clean(f"importing {owner} changed, and got back: {'; '.join(changes)}")
                warnings.warn(message, stacklevel=2)
        if not (isinstance(part, type) and issubclass(part, self.base_class)):
            raise PartError(
                f"{self.family} {kind!r} of {owner} is not a subclass of {self.base_class.__name__}",
                f"see the entry point {entry.value!r}",
            )
        return part

    def _third_party(self) -> Mapping[str, Sequence[EntryPoint]]:
        return _entry_points(tuple(sys.path)).get(self.group, {})


@lru_cache(maxsize=1)
def _entry_points(path: tuple[str, ...]) -> dict[str, dict[str, list[EntryPoint]]]:  # noqa: ARG001
    """Group and kind → the entry points of every installed distribution, read once a search path: all metadata are.

    Raises:
        PartError: the entry points of a distribution cannot be read.
    """
    found: dict[str, dict[str, list[EntryPoint]]] = {}
    try:
        every = entry_points()
        for group in every.groups:
            for entry in every.select(group=group) if group.startswith("qaml.") else ():
                found.setdefault(group, {}).setdefault(entry.name, []).append(entry)
    except Exception as error:  # any file beside the installed distributions may be malformed
        raise PartError(
            f"the entry points of some installed package cannot be read: {error_in_words(error)}"
        ) from error
    return found


def _changeable(annotation: Any) -> str | None:
    """The description of a list or a set, where an annotation holds one."""
    origin = get_origin(annotation) or annotation
    if origin in (set, MutableSet):
        return "is a set"
    if origin in (list, MutableSequence):
        return "is a list"
    if isinstance(origin, type) and issubclass(origin, Settings) and not issubclass(origin, Part):
        held = ((name, _changeable(field.annotation)) for name, field in origin.model_fields.items())
        found = ((name, fault.rpartition(" ")[2]) for name, fault in held if fault is not None)
        return next((f"holds {origin.__name__}.{name}, a {kind}" for name, kind in found), None)
    return next((fault for each in get_args(annotation) if (fault := _changeable(each)) is not None), None)


def _distribution(entry: EntryPoint) -> str:
    return f"package {entry.dist.name}" if entry.dist is not None else f"entry point {entry.value}"


def foreign_module(error: BaseException) -> str | None:
    """The module of another package's part that an exception came through, the innermost one."""
    tops = {part.__module__.partition(".")[0] for part in _all_parts(Part)} - {"qaml"}
    found, trace = None, error.__traceback__
    while trace is not None:
        name = str(trace.tb_frame.f_globals.get("__name__", ""))
        found = name if name.partition(".")[0] in tops else found
        trace = trace.tb_next
    return found


def _all_parts(base: type[Part]) -> Iterator[type[Part]]:
    for part in base.__subclasses__():
        yield part
        yield from _all_parts(part)


def references(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Every name of a suite's table that a part mentions, as (path, table, name)."""
    if not isinstance(value, BaseModel):
        if isinstance(value, Sequence) and not isinstance(value, str):
            for index, item in enumerate(value):
                yield from references(item, (*path, index))
        elif isinstance(value, Mapping):
            for key, item in value.items():
                yield from references(item, (*path, key))
        return
    for name, table in _reference_tables(type(value)):
        content = getattr(value, name)
        if table is None or content is None:
            yield from references(content, (*path, name))
        elif isinstance(content, str):
            yield (*path, name), table, content
        elif isinstance(content, Sequence):
            yield from (((*path, name, i), table, item) for i, item in enumerate(content) if isinstance(item, str))


@cache
def _reference_tables(part: type[BaseModel]) -> tuple[tuple[str, str | None], ...]:
    """Each field with the table whose names it holds, if any."""
    fields = part.model_fields.items()
    return tuple((name, _reference_table((field.annotation, *field.metadata))) for name, field in fields)


def _reference_table(annotations: Sequence[Any]) -> str | None:
    for annotation in annotations:
        if isinstance(annotation, Reference):
            return annotation.table
        if (table := _reference_table(get_args(annotation))) is not None:
            return table
    return None
