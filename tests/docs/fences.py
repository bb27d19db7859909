"""The fenced blocks of Markdown pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Fence(NamedTuple):
    """One block: its language, its text, and the line of the page that its text begins on."""

    language: str
    text: str
    line: int


def fences(page: Path) -> list[Fence]:
    text = page.read_text("utf-8")
    return [Fence(m[1], m[2], text.count("\n", 0, m.start(2)) + 1) for m in _FENCE.finditer(text)]


def pages() -> list[Path]:
    """Every Markdown page that people read: those at the root and in docs/, generated pages included."""
    built = DOCS / "_build"
    return [*sorted(ROOT.glob("*.md")), *sorted(p for p in DOCS.rglob("*.md") if built not in p.parents)]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()
