"""Foreign code: its origin, the names that it reads by constants, and reads that cannot be followed."""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

from qaml.plan.syntax import constant_of, is_import_call, name_of

ENVIRONMENTS = frozenset({"environ", "os.environ"})
LOOKUPS = frozenset({"os.getenv", "getenv", *(f"{e}.{m}" for e in ENVIRONMENTS for m in ("get", "pop", "setdefault"))})

UNSEEN = {
    "ctypes": "calls compiled code",
    "h5py": "reads files in compiled code",
    "mmap": "maps files",
    "netCDF4": "reads files in compiled code",
    "pyarrow": "reads files in compiled code",
    "requests": "asks the network",
    "socket": "asks the network",
    "sqlite3": "reads a database",
    "subprocess": "starts other programs",
    "urllib": "asks the network",
}
"""Modules through which code reads data that neither its source nor Python's audit shows → what they do, in words."""


def is_standard(top: str) -> bool:
    """Whether a top-level module is Python's own."""
    return top in sys.stdlib_module_names


def is_installed(origin: Path | None) -> bool:
    """Whether a module is among installed distributions."""
    return origin is not None and any(origin.is_relative_to(folder) for folder in _folders())


@cache
def _folders() -> tuple[str, ...]:
    return tuple({sysconfig.get_path(name) for name in ("purelib", "platlib")})


def owners(top: str) -> tuple[str, ...]:
    """The distributions that hold a top-level module."""
    return tuple(sorted(set(_owners().get(top, ()))))


@cache
def _owners() -> dict[str, list[str]]:
    return dict(packages_distributions())


class Look(NamedTuple):
    """The reads that a module's source shows.

    Attributes:
        variables: names of environment variables.
        remarks: reads that cannot be followed, as words that follow the module's name.
    """

    variables: frozenset[str] = frozenset()
    remarks: tuple[str, ...] = ()


@cache
def look(path: Path | None) -> Look:
    """The reads in the source of a module."""
    try:
        tree = ast.parse(path.read_bytes()) if path is not None else None
    except (SyntaxError, ValueError):
        return Look(remarks=("is compiled",))
    return Look() if tree is None else Look(frozenset(_variables(tree)), tuple(_remarks(tree)))


def _variables(tree: ast.AST) -> Iterator[str]:
    """Constant names of environment variables in the code: X in ``os.environ["X"]`` and ``os.getenv("X")``."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=value, slice=ast.Constant(value=str(name))) if name_of(value) in ENVIRONMENTS:
                yield name
            case ast.Call() if name_of(node.func) in LOOKUPS and (called := constant_of(node)) is not None:
                yield called
            case ast.Compare(left=ast.Constant(value=str(name)), comparators=[value]) if name_of(value) in ENVIRONMENTS:
                yield name


def _remarks(tree: ast.AST) -> Iterator[str]:
    """Reads of a module that can change a result without notice, as words that follow the module's name."""
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    yield from (f"{UNSEEN[name]} ({name})" for name in sorted(imported & UNSEEN.keys()))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    if any(is_import_call(call) and constant_of(call) is None for call in calls):
        yield "imports modules by names that it computes"
    if any(name_of(call.func) in LOOKUPS and constant_of(call) is None for call in calls):
        yield "reads environment variables by names that it computes"
