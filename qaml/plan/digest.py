"""A digest of a step's source, so that changed code never reuses an old result (``docs/architecture.md``).

It covers the step's modules and all modules of qaml that they import. For a part of another package it also covers
that package and the modules next to it, wherever Python finds them. Installed libraries are covered by their versions.

Code is digested as its syntax tree without docstrings: a comment or a reworded docstring rebuilds nothing, and any
other change rebuilds what depends on it. Vocabulary, errors, the registry and the families' tables of kinds are left
out: they compute nothing, resolved parameters and roles are in the key, and a new kind must not retrain models.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from qaml.plan.environment import state_of
from qaml.plan.foreign import is_installed, is_standard, look, owners
from qaml.plan.syntax import imports_of, plain

INTERFACES = frozenset(
    {
        *("qaml", "qaml.registry", "qaml.errors", "qaml.files.regular", "qaml.text", "qaml.vocab", "qaml.types"),
        *("qaml.run.store", "qaml.run.reads", "qaml.files.refusals", "qaml.plan.role"),
    }
)

_NAMED_ALIKE = ("torch", "numpy", "scipy", "llvmlite", "eagerpy", "pyautoattack", "dimod", "minorminer", "networkx")
DISTRIBUTIONS: Mapping[str, tuple[str, ...]] = {name: (name,) for name in _NAMED_ALIKE} | {
    "numba": ("numba", "llvmlite"),
    "sklearn": ("scikit-learn", "scipy"),
    "foolbox": ("foolbox", "eagerpy"),
    "pennylane": ("pennylane", "pennylane-lightning"),
    "dwave": ("dimod", "dwave-graphs", "dwave-preprocessing", "dwave-samplers", "dwave-system", "minorminer"),
    "PIL": ("pillow",),
}
"""Libraries whose version can change a result: import name → the distributions whose code runs."""


class Source(NamedTuple):
    """The SHA-256 of one module's source, and the names of the modules that it imports."""

    digest: str
    imports: frozenset[str]


class Digest(NamedTuple):
    """A digest of a step's code.

    Attributes:
        code: SHA-256 over its modules, and over everything that foreign code reads, if declared or visible in the code.
        versions: name and version of each distribution used.
        foreign: names of the modules that are not qaml's, which may read what no source shows.
        remarks: reads of foreign modules that cannot be followed, in words.
        files: paths of the foreign modules.
    """

    code: str
    versions: tuple[tuple[str, str], ...]
    foreign: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def is_foreign(self) -> bool:
        """Whether any module is not qaml's."""
        return bool(self.foreign)


def digest(modules: Iterable[str], reads: Iterable[str] = ()) -> Digest:
    """The digest of these modules and all that they import.

    Args:
        modules: dotted names.
        reads: paths of files and folders, and ``env:NAME`` for environment variables, whose content counts.
    """
    made = _digest(frozenset(modules))
    variables = {f"env:{name}" for module in made.foreign for name in look(_find(module)).variables}
    states = [f"{name} {state_of(name)}" for name in sorted({*reads, *variables})]
    if not states:
        return made
    return made._replace(code=hashlib.sha256("\n".join([made.code, *states]).encode()).hexdigest())


@cache
def _digest(modules: frozenset[str]) -> Digest:
    roots = frozenset(m.partition(".")[0] for m in modules)
    closure = _closure(modules, roots)
    sources = {name: _source(path) for name, path in sorted(closure.items())}
    code = hashlib.sha256("\n".join(f"{name} {s.digest}" for name, s in sources.items()).encode()).hexdigest()
    foreign = tuple(name for name in sources if not _is_ours(name))
    used = {d for s in sources.values() for i in s.imports for d in DISTRIBUTIONS.get(i.partition(".")[0], ())}
    unknown = {i.partition(".")[0] for name in foreign for i in sources[name].imports} - DISTRIBUTIONS.keys()
    # a part in an installed package is followed like any other, and its version is noted
    unknown |= {name.partition(".")[0] for name in foreign}
    for top in sorted(unknown - {"qaml"}):
        if not is_standard(top) and is_installed(_origin(top)):
            used.update(owners(top))
    said = tuple(f"{name} {remark}" for name in foreign for remark in look(closure[name]).remarks)
    return Digest(
        code,
        tuple((name, _version(name)) for name in sorted(used)),
        foreign,
        said,
        tuple(str(closure[name].absolute()) for name in foreign),
    )


def _closure(modules: frozenset[str], roots: frozenset[str]) -> dict[str, Path]:
    """Module → file, for these modules and all that they import."""
    found: dict[str, Path] = {}
    queue = [(name, True) for name in modules]
    while queue:
        name, is_by_others = queue.pop()
        if name in found or name in INTERFACES or not _is_followed(name, roots, is_by_others):
            continue
        path = _find(name)
        if path is None:
            continue
        found[name] = path
        queue.extend((each, not _is_ours(name)) for each in _source(path).imports)
        if not _is_ours(name) and "." in name:  # importing a module runs the packages around it
            queue.append((name.rpartition(".")[0], True))
    return found


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == "qaml"


def _is_followed(name: str, roots: frozenset[str], is_by_others: bool) -> bool:
    """Whether a module's source counts: it is qaml's, in a part's own package, or a neighbour of foreign code."""
    top = name.partition(".")[0]
    if _is_ours(name) or top in roots:
        return True
    if not is_by_others or top in DISTRIBUTIONS or is_standard(top):
        return False
    origin = _origin(top)
    return origin is not None and not is_installed(origin)


@cache
def _origin(top: str) -> Path | None:
    """The file or folder of a top-level module or package, found without importing it."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    places = list(spec.submodule_search_locations or ())
    return Path(places[0]) if places else Path(spec.origin) if spec.origin and spec.has_location else None


@cache
def _find(name: str) -> Path | None:
    """The file of a module, found by walking folders, since ``find_spec`` would import its parents."""
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return Path(spec.origin) if spec is not None and spec.origin and spec.has_location and not rest else None
    for place in spec.submodule_search_locations:
        base = Path(place).joinpath(*rest)
        candidates = (base / "__init__.py", base.with_name(f"{base.name}.py"), *base.parent.glob(f"{base.name}.*.so"))
        if (path := next((path for path in candidates if path.is_file()), None)) is not None:
            return path
    return None


@cache
def _source(path: Path) -> Source:
    content = path.read_bytes()
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # compiled, or for another Python: only the bytes are known
        return Source(hashlib.sha256(content).hexdigest(), frozenset())
    package = _package_of(path)
    text = normalize("NFKC", content.decode("utf-8", "replace"))  # as Python reads names
    has_calls = "import_module" in text or "__import__" in text
    imports = frozenset(imports_of(tree, package, has_calls=has_calls))
    return Source(hashlib.sha256(plain(tree).encode()).hexdigest(), imports)


def _package_of(path: Path) -> str:
    parts = [] if path.name == "__init__.py" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts if path.name == "__init__.py" else parts[:-1])


@cache
def _version(distribution: str) -> str:
    try:
        return version(distribution).partition("+")[0]
    except PackageNotFoundError:
        return "absent"
