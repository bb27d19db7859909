"""The suites that come with qaml, by name, and the file that a typed name means."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import qaml
from qaml.spec.document import SLUG
from qaml.spec.problems import did_you_mean

SUFFIXES = (".yaml", ".yml")
"""Endings of spec files."""
_PROJECT = "specs"
"""The folder in which a project has its specs, unless its ini file says otherwise."""


@cache
def shipped() -> dict[str, Path]:
    """Name → file of every suite that comes with qaml, sorted: within the package, in a checkout beside it."""
    package = Path(qaml.__file__).parent
    inside = package / "specs"
    folder = inside if inside.is_dir() else package.parent / "specs"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def located(typed: str | Path, base: Path = Path()) -> Path:
    """The path that a person means.

    Args:
        typed: a path, or a name: of a file in the base folder or its ``specs`` that ends in ``.yaml`` or ``.yml``, else
            of a shipped suite.
        base: the folder that relative paths start at.
    """
    path, name = base / typed, str(typed)
    if not SLUG.fullmatch(name) or _is_meant(path):
        return path
    own = (folder / f"{name}{suffix}" for folder in (base, base / _PROJECT) for suffix in SUFFIXES)
    return next((each for each in own if each.is_file()), shipped().get(name, path))


def _is_meant(path: Path) -> bool:
    """Whether a path of a suite's name leads to a spec: a folder without one may be there for another reason."""
    try:
        return any(each.suffix in SUFFIXES for each in path.iterdir()) if path.is_dir() else path.exists()
    except OSError:
        return True


def advice(path: Path) -> str:
    """What to type instead of a path that leads to no spec: a name that is near, and the shipped suites."""
    if path.name == _PROJECT:
        return f"'qaml init' begins a project; shipped suites run by name: {', '.join(shipped())}"
    known = (*shipped(), *_beside(path))
    near = path.stem if path.stem in shipped() else ""
    hint = f"did you mean {near!r}?" if near else did_you_mean(path.stem, known)
    listed = f"give a file, a folder of files that end in {' or '.join(SUFFIXES)}, or a shipped suite"
    return " ".join(filter(None, (hint, f"{listed}: {', '.join(shipped())}")))


def _beside(path: Path) -> Iterable[str]:
    """The names of specs near a path."""
    for folder in (path.parent, path.parent / _PROJECT):
        try:
            yield from sorted(each.stem for each in folder.iterdir() if each.suffix in SUFFIXES)
        except OSError:
            continue
