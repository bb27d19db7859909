"""The paper that a new spec is about, from what a person knows of it: a number on arXiv, a DOI, or a name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from qaml.errors import QamlError
from qaml.spec.document import SLUG
from qaml.spec.load import load_suite
from qaml.spec.shipped import shipped

_ARXIV = re.compile(
    r"(?:https?://)?(?:www\.)?(?:arxiv\.org/(?:abs|pdf)/|arxiv:|(?:doi\.org/)?10\.48550/arxiv\.)?"
    r"(?P<number>\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?(?:\.pdf)?",
    re.IGNORECASE,
)
_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?(?P<doi>10\.\d{4,9}/[\w.()/:;<>-]+)", re.IGNORECASE)
_OPEN = "TODO: authors, year: title"


class Paper(NamedTuple):
    """A paper whose claims are to be written down.

    Attributes:
        name: name of the suite.
        citation: authors, year and title, as far as they are known.
        arxiv: number on arXiv, or empty.
        shipped: name of the suite that comes with qaml and has the paper's claims, or empty.
    """

    name: str
    citation: str
    arxiv: str = ""
    shipped: str = ""


def paper(identifier: str) -> Paper:
    """The paper that is meant.

    Args:
        identifier: number on arXiv or DOI, also as an address; the name of a shipped suite, whose source is taken over;
            or any other name for the new suite.

    Raises:
        QamlError: it is none of them.
    """
    text = identifier.strip()
    if text in shipped():
        source = load_suite(shipped()[text], "quick").source
        return Paper(f"{text}-own", source.citation, source.arxiv, text)
    if found := _ARXIV.fullmatch(text):
        return _on_arxiv(found["number"].lower())
    if found := _DOI.fullmatch(text):
        return Paper(_slug(f"doi-{found['doi']}"), f"{_OPEN}, doi:{found['doi']}")
    if SLUG.fullmatch(text):
        return Paper(text, _OPEN)
    raise QamlError(
        f"--paper: expected a number on arXiv, a DOI or a name, got {text[:80]!r}",
        "such as 2012.11619, 10.1088/1367-2630/acf9c7, or smith2024 (lower-case letters, digits, hyphens)",
    )


def _on_arxiv(number: str) -> Paper:
    for name, path in shipped().items():
        source = load_suite(path, "quick").source
        if source.arxiv == number:
            return Paper(f"{name}-own", source.citation, number, name)
    return Paper(_slug(f"arxiv-{number}"), _OPEN, number)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def name_of(folder: Path) -> str:
    """The name of a suite that is called like its folder, or ``first`` where that makes no name."""
    return _slug(folder.resolve().name) or "first"
