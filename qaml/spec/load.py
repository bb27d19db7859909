"""Load a spec: text → located document → profile → parts, models, claims → checks → suite."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from qaml.attacks.base import AttackPart
from qaml.claims.base import ReportedTable
from qaml.claims.detectors.base import DetectorPart
from qaml.containment import Escaped, contained
from qaml.data.base import DatasetPart
from qaml.errors import Location, Problem, SpecError
from qaml.files.regular import read_regular
from qaml.registry import foreign_module
from qaml.spec.checks import check_suite
from qaml.spec.claims import Sweeps, all_sweeps, build_claims
from qaml.spec.document import check_shape
from qaml.spec.entries import build_models, build_parts
from qaml.spec.limits import MAX_BYTES
from qaml.spec.merge import apply_profile, write_out_extends
from qaml.spec.nodes import Located
from qaml.spec.problems import Problems
from qaml.spec.reader import decode, lines_of, read
from qaml.spec.shipped import SUFFIXES, advice, located
from qaml.spec.suite import Account, Citation, Diagnostics, Evaluation, Suite
from qaml.spec.transfers import with_transfers
from qaml.spec.validate import validate
from qaml.types import Settings
from qaml.vocab import ProfileName

S = TypeVar("S", bound=Settings)


def find_specs(paths: Iterable[Path]) -> list[Path]:
    """The spec files among files and folders, sorted and each once; a folder is searched one level deep.

    Raises:
        SpecError: a path does not exist, or a folder holds no spec.
    """
    found: dict[Path, None] = {}
    missing: list[Problem] = []
    for path in paths:
        try:
            inside = _inside(path)
        except (OSError, ValueError) as error:
            reason = (isinstance(error, OSError) and error.strerror) or str(error)
            missing.append(
                Problem(Location(as_typed(path), 1, 1), "", f"cannot be looked into: {reason}", advice(path))
            )
            continue
        found.update(dict.fromkeys(inside or ()))
        if not inside:
            what = "no such file or folder" if inside is None else "no spec in this folder"
            missing.append(Problem(Location(as_typed(path), 1, 1), "", what, advice(path)))
    if missing:
        raise SpecError(missing)
    return list(found)


def _inside(path: Path) -> list[Path] | None:
    """The specs of a folder, or the file itself; ``None`` where the path does not exist."""
    if path.is_dir():
        return sorted(p for p in path.iterdir() if p.suffix in SUFFIXES and p.is_file())
    return [path] if path.exists() else None


def load_suite(path: Path, profile: ProfileName) -> Suite:
    """Read and validate a spec file.

    Raises:
        SpecError: the file has mistakes, all of which the error names in file order.
    """
    name = as_typed(path)
    try:
        content = read_regular(path, MAX_BYTES)
    except OSError as error:
        hint = "save it as a file, and name that" if error.errno == errno.EINVAL else ""
        problem = Problem(Location(name, 1, 1), "", f"cannot be read: {error.strerror or error}", hint)
        raise SpecError([problem]) from error
    return load_text(decode(content, name), name, profile, path)


def load_text(text: str, name: str, profile: ProfileName, path: Path | None = None) -> Suite:
    """Validate a spec's text.

    Args:
        text: the spec.
        name: name of the file in errors.
        profile: profile whose overrides are applied.
        path: path of the file (default: ``name``).

    Raises:
        SpecError: the text has mistakes, all of which the error names in file order.
    """
    text = text.removeprefix("\ufeff")
    lines = lines_of(text)
    problems = Problems(name, lines)
    document = _read(text, problems)
    check_shape(document, problems)
    sweeps = all_sweeps(document)
    document = written_out(document, profile, problems)
    try:
        with contained():
            suite = _build(document, sweeps, profile, path or Path(name), lines, problems)
    except Escaped as error:
        raise _refused(error, name) from error
    problems.raise_any()
    return suite


def written_out(document: Located, profile: ProfileName, problems: Problems) -> Located:
    """The document at a profile, with what its entries inherit."""
    return write_out_extends(apply_profile(document, profile, problems), problems)


def places(suite: Suite) -> tuple[Located, Problems]:
    """The document behind a suite, whose nodes know their places, and an empty collection of mistakes about it.

    Raises:
        SpecError: the file is another one than the suite was loaded from.
    """
    name = as_typed(suite.path)
    text = decode(read_regular(suite.path, MAX_BYTES), name).removeprefix("\ufeff")
    problems = Problems(name, lines_of(text))
    return written_out(_read(text, problems), suite.profile, problems), problems


def _read(text: str, problems: Problems) -> Located:
    """The result of ``reader.read`` for a text, kept for other profiles, with the mistakes that it noted."""
    document, found = _reading(text)
    problems.take_over(found)
    if document is None:
        problems.raise_any()
        raise AssertionError("a refused document leaves a problem")
    return document


@lru_cache(maxsize=4)
def _reading(text: str) -> tuple[Located | None, Problems]:
    found = Problems("", lines_of(text))
    try:
        return read(text, found), found
    except SpecError:
        return None, found


def _refused(error: Escaped, name: str) -> BaseException:
    """An exception of foreign code as a mistake of the spec that names its part; qaml's own exceptions pass."""
    cause = error.__cause__ or error
    if isinstance(cause, SpecError) or (module := foreign_module(cause)) is None:
        return cause
    message = f"a part of the package {module.partition('.')[0]!r} fails: {error}"
    return SpecError([Problem(Location(name, 1, 1), "", message, f"repair or uninstall it; see module {module}")])


def _build(
    document: Located, sweeps: Sweeps, profile: ProfileName, path: Path, lines: Sequence[str], problems: Problems
) -> Suite:
    evaluation = _settings(Evaluation, document, "evaluation", problems) or Evaluation()
    claims = build_claims(document, sweeps, profile, lines, problems)
    suite = Suite(
        name=_text(document, "suite"),
        title=_text(document, "title") or _text(document, "suite"),
        source=_settings(Citation, document, "source", problems) or Citation(citation=""),
        summary=_text(document, "summary"),
        path=path,
        profile=profile,
        evaluation=evaluation,
        diagnostics=_settings(Diagnostics, document, "diagnostics", problems) or Diagnostics(),
        datasets=build_parts(document, "datasets", DatasetPart, problems),
        models=build_models(document, evaluation, problems),
        attacks=build_parts(document, "attacks", AttackPart, problems),
        detectors=build_parts(document, "detectors", DetectorPart, problems),
        reported=build_parts(document, "reported", ReportedTable, problems),
        assumed=_assumed(document, problems),
        claims=tuple(claim.entry for claim in claims),
        devices=build_parts(document, "devices", Account, problems),
    )
    suite = with_transfers(suite, claims)
    check_suite(suite, document, claims, problems)
    return suite


def _settings(settings: type[S], document: Located, name: str, problems: Problems) -> S | None:
    node = document.entries.get(name)
    return None if node is None else validate(settings, node, (name,), problems)


def _text(document: Located, name: str) -> str:
    node = document.entries.get(name)
    return (node.text or "").strip() if node is not None else ""


def _assumed(document: Located, problems: Problems) -> dict[str, str]:
    section = document.entries.get("assumed")
    assumed: dict[str, str] = {}
    for key, node in (section.entries if section is not None else {}).items():
        if node.text is None:
            problems.value(node, ("assumed", key), "expected a text that says what was chosen, and why")
        else:
            assumed[key] = node.text.strip()
    return assumed


def as_typed(path: Path) -> str:
    """The path as it was typed, or relative to the working directory."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError, RuntimeError):  # the last for links that lead to themselves
        return str(path)


def as_named(path: Path) -> str:
    """The name of a shipped suite, where that leads to this very file; otherwise the path as it was typed."""
    typed = as_typed(path)
    is_named = Path(typed).is_absolute() and located(path.stem) == path
    return path.stem if is_named else typed
