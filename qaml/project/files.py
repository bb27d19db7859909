"""The files of a new project: a spec, its schema, a test, settings of pytest, and a workflow. None is written over."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from qaml import __version__
from qaml.errors import QamlError
from qaml.project.paper import Paper, name_of
from qaml.spec.schema import json_schema

_TEMPLATES = Path(__file__).parent / "templates"
_PAGES = f"https://github.com/qaml-bench/qaml/tree/v{__version__}/docs"
_TEST = '''"""Every claim of every spec, as a test: qaml's pytest plugin expands it."""


def test_claim(claim):
    claim.check()
'''
_SETTINGS = """\
[pytest]
testpaths = benchmarks
# they hold for 'qaml run', too; what is typed wins (qaml run --profile standard, pytest --qaml-profile standard)
qaml_spec = specs
qaml_profile = quick
"""
_IGNORED = (".qaml/", "reports/latest/", "__pycache__/", ".venv/")
_OF_PYTEST = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
"""Files that hold settings of pytest; ``pytest.ini`` would hide those of the others."""


class Written(NamedTuple):
    """What a project was given.

    Attributes:
        spec: the spec.
        written: files that were written, the spec first.
        kept: files that were there and are as they were → what they may lack, or empty.
    """

    spec: Path
    written: tuple[Path, ...]
    kept: Mapping[Path, str]


def write_project(folder: Path, about: Paper | None = None) -> Written:
    """Write a project into a folder, which is made where it is missing.

    Args:
        folder: its root; files that exist are kept as they are.
        about: the paper whose claims the spec is a skeleton of; ``None``: the spec has claims about bundled data.

    Raises:
        QamlError: a spec of that name exists, or something cannot be written.
    """
    name = about.name if about is not None else name_of(folder)
    spec = Path("specs") / f"{name}.yaml"
    if (folder / spec).exists():
        raise QamlError(
            f"{folder / spec} exists already, and is never written over",
            "move it away, or name another folder or paper",
        )
    files = {spec: _first(name) if about is None else _skeleton(about), **dict(_around(folder))}
    written, kept = [], {}
    for path, text in files.items():
        if _write(folder / path, text):
            written.append(path)
        else:
            kept[path] = _lacks(folder / path)
    return Written(spec, tuple(written), kept)


def _around(folder: Path) -> Iterator[tuple[Path, str]]:
    yield Path("specs/schema/suite.json"), json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    yield Path("benchmarks/test_claims.py"), _TEST
    settings = next((name for name in _OF_PYTEST if (folder / name).exists()), _OF_PYTEST[0])
    yield Path(settings), _SETTINGS
    yield Path(".gitignore"), "".join(f"{each}\n" for each in _IGNORED)
    yield Path(".github/workflows/claims.yml"), _template("workflow.yml", version=__version__)


def _first(name: str) -> str:
    return _template("first.yaml", suite=name)


def _skeleton(about: Paper) -> str:
    arxiv = f"  arxiv: {json.dumps(about.arxiv)}\n" if about.arxiv else ""
    # what JSON writes in quotes, YAML reads alike
    return _template("paper.yaml", suite=about.name, citation=json.dumps(about.citation), arxiv=arxiv)


def _template(name: str, **words: str) -> str:
    text = (_TEMPLATES / name).read_text(encoding="utf-8")
    for word, value in {"docs": _PAGES, **words}.items():
        text = text.replace(f"@{word}@", value)
    return text


def _write(path: Path, text: str) -> bool:
    """Write a file that does not exist yet; ``False`` where it does."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        if path.parent.is_dir():
            return False
        raise QamlError(f"{path.parent} is a file, and {path.name} is to be in it: expected a folder") from None
    except OSError as error:
        raise QamlError(f"{path} cannot be written: {error.strerror or error}") from error
    return True


def _lacks(path: Path) -> str:
    """What a file of the project's own may lack."""
    if path.name == ".gitignore":
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").split()
        except OSError:
            lines = []
        missing = [each for each in _IGNORED if each not in lines and each.rstrip("/") not in lines]
        return f"it lacks {', '.join(missing)}" if missing else ""
    if path.name in _OF_PYTEST:
        return "settings such as qaml_profile go into its section of pytest"
    return ""
