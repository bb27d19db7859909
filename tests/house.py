"""How the house is kept, in numbers: ``python -m tests.house [folder of a checkout]``.

Lines of code are those of ``qaml/`` without docstrings, comments and blank lines. A ``type: ignore`` does not count
where numba's decorators and types, which carry no types, make it necessary.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
_OF_NUMBA = re.compile(
    r"@(register_jitable|intrinsic|njit|overload|vectorize)\b|untyped-decorator|types\.Type\b|models\."
)


class House(NamedTuple):
    """What ``tests/test_house.py`` limits.

    Attributes:
        ignores: ``type: ignore`` outside numba-decorated lines.
        probes: ``hasattr``, and ``getattr`` with a default.
        implementations: files whose name says nothing.
        lonely: packages with one module and no subpackage.
    """

    ignores: int
    probes: int
    implementations: int
    lonely: list[str]


def house(root: Path = ROOT) -> House:
    """Count in ``qaml/``."""
    sources = _sources(root)
    texts = [path.read_text() for path in sources]
    return House(
        ignores=sum(map(_ignores, texts)),
        probes=sum(map(_probes, texts)),
        implementations=sum(path.name == "implementation.py" for path in sources),
        lonely=sorted(str(path.relative_to(root)) for path in _packages(root) if _is_lonely(path)),
    )


def _sources(root: Path) -> list[Path]:
    return sorted((root / "qaml").rglob("*.py"))


def n_lines(text: str) -> int:
    """Lines with code on them: no docstring, no comment, nothing blank."""
    documented = {line for start, end in _docstrings(ast.parse(text)) for line in range(start, end + 1)}
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    used: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skipped:
            used.update(range(token.start[0], token.end[0] + 1))
    return len(used - documented)


def _docstrings(tree: ast.AST) -> Iterator[tuple[int, int]]:
    for node in ast.walk(tree):
        for child in getattr(node, "body", []) if not isinstance(node, ast.Lambda | ast.IfExp) else []:
            is_text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if is_text and isinstance(child.value.value, str):
                yield child.lineno, child.end_lineno or child.lineno


def _ignores(text: str) -> int:
    return sum("type: ignore" in line and not _OF_NUMBA.search(line) for line in text.splitlines())


def _probes(text: str) -> int:
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    named = ((node.func.id, len(node.args)) for node in calls if isinstance(node.func, ast.Name))
    return sum(name == "hasattr" or (name == "getattr" and n == 3) for name, n in named)


def _packages(root: Path) -> Iterator[Path]:
    return (path.parent for path in (root / "qaml").rglob("__init__.py"))


def _is_lonely(package: Path) -> bool:
    modules = [path for path in package.glob("*.py") if path.name != "__init__.py"]
    return len(modules) <= 1 and not any(package.glob("*/__init__.py"))


def _tracked(root: Path, folder: str) -> int:
    listed = subprocess.run(["git", "ls-files", "-z", folder], cwd=root, capture_output=True, check=True).stdout
    paths = [root / name.decode() for name in listed.split(b"\0") if name]
    return sum(path.stat().st_size for path in paths if path.is_file())


if __name__ == "__main__":
    checkout = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    lines = sum(n_lines(path.read_text()) for path in _sources(checkout))
    counted = {"lines": lines, **house(checkout)._asdict(), "bytes of reports": _tracked(checkout, "reports")}
    for name, value in counted.items():
        sys.stdout.write(f"{name}: {value}\n")
