"""A digest of the source behind a step, so that changed code never meets an old result (DESIGN, section 6).

It covers the step's modules and everything of qaml that they import.

Code is digested as its syntax tree without docstrings: a comment or a reworded docstring rebuilds nothing, any other
change rebuilds what depends on it. Interfaces (``base.py``, the registry, words and errors) are left out: they compute
nothing, resolved parameters stand in the key themselves, and a new line in a table of kinds must not retrain models.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

INTERFACES = frozenset({"qaml", "qaml.registry", "qaml.errors", "qaml.vocab", "qaml.types"})

DISTRIBUTIONS = {
    "torch": "torch",
    "numpy": "numpy",
    "scipy": "scipy",
    "numba": "numba",
    "sklearn": "scikit-learn",
    "foolbox": "foolbox",
    "pyautoattack": "pyautoattack",
    "pennylane": "pennylane",
    "dimod": "dimod",
    "dwave": "dwave-ocean-sdk",
    "PIL": "pillow",
}
"""Libraries whose version can change a result: import name → distribution."""


class Source(NamedTuple):
    """One module as far as keys are concerned."""

    digest: str
    imports: frozenset[str]


class Digest(NamedTuple):
    """What a step's code is: one hash over its modules, and the versions of the libraries they use.

    Attributes:
        code: of the modules' sources.
        versions: distribution and version.
        is_foreign: whether modules of others than qaml are among them, who may read what no source shows.
    """

    code: str
    versions: tuple[tuple[str, str], ...]
    is_foreign: bool = False


def digest(modules: Iterable[str]) -> Digest:
    """Digest these modules with their closure under import.

    Args:
        modules: dotted names; modules outside qaml (third-party parts) are followed inside their own package.
    """
    return _digest(frozenset(modules))


@cache
def _digest(modules: frozenset[str]) -> Digest:
    packages = frozenset({"qaml"} | {m.partition(".")[0] for m in modules})
    closure = _closure(modules, packages)
    sources = {name: _source(path) for name, path in sorted(closure.items())}
    code = hashlib.sha256("\n".join(f"{name} {s.digest}" for name, s in sources.items()).encode()).hexdigest()
    external = {i.partition(".")[0] for s in sources.values() for i in s.imports}
    used = sorted(DISTRIBUTIONS[name] for name in external if name in DISTRIBUTIONS)
    is_foreign = any(name.partition(".")[0] != "qaml" for name in closure)
    return Digest(code, tuple((name, _version(name)) for name in used), is_foreign)


def _closure(roots: frozenset[str], packages: frozenset[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    queue = list(roots)
    while queue:
        name = queue.pop()
        if name in found or name.partition(".")[0] not in packages or _is_interface(name):
            continue
        path = _find(name)
        if path is None:
            continue
        found[name] = path
        queue.extend(_source(path).imports)
    return found


def _is_interface(name: str) -> bool:
    return name in INTERFACES or (name.startswith("qaml.") and name.endswith(".base"))


@cache
def _find(name: str) -> Path | None:
    """The file of a module, found by walking folders: looking it up the usual way would import its parents."""
    top, *rest = name.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        return Path(spec.origin) if spec is not None and spec.origin and not rest else None
    base = Path(spec.submodule_search_locations[0]).joinpath(*rest)
    candidates = (base / "__init__.py", base.with_suffix(".py"))
    return next((path for path in candidates if path.is_file()), None)


@cache
def _source(path: Path) -> Source:
    tree = ast.parse(path.read_bytes())
    package = _package_of(path)
    imports = frozenset(_imports(tree, package))
    for node in ast.walk(tree):
        _drop_docstring(node)
    return Source(hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imports)


def _package_of(path: Path) -> str:
    parts = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts if path.name == "__init__.py" else parts[:-1])


def _drop_docstring(node: ast.AST) -> None:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
        node.body = [statement for statement in node.body if not _is_text(statement)]


def _is_text(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
        return False
    return isinstance(statement.value.value, str)


def _imports(node: ast.AST, package: str) -> Iterator[str]:
    """Every module imported anywhere in the tree but under ``if TYPE_CHECKING``."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        for statement in node.orelse:
            yield from _imports(statement, package)
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _absolute(node, package)
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, package)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if node.level == 0:
        return node.module or ""
    parents = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parents, *([node.module] if node.module else [])])


@cache
def _version(distribution: str) -> str:
    try:
        return version(distribution).partition("+")[0]
    except PackageNotFoundError:
        return "absent"
