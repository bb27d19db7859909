"""Links between pages work on a repository page and in Sphinx; addresses are at least well formed (no network here)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.docs.fences import ROOT, name, pages

PAGES = pages()
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CITED = re.compile(r"``(docs/[\w/-]+\.md)``")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


class Link(NamedTuple):
    page: Path
    target: str


def links(page: Path) -> list[Link]:
    return [Link(page, target) for target in _LINK.findall(_without_code(page.read_text("utf-8")))]


def problem(link: Link) -> str | None:
    """What is wrong with it."""
    if re.match(r"[a-z]+:", link.target):
        return _problem_of_address(link.target)
    path, _, anchor = link.target.partition("#")
    target = (link.page.parent / path).resolve() if path else link.page
    if not target.exists():
        return "no such file"
    if not target.is_relative_to(ROOT):
        return "leaves the repository"
    if anchor and anchor not in anchors(target):
        return f"no such heading; there are {sorted(anchors(target))}"
    return None


def anchors(page: Path) -> set[str]:
    """The slugs that GitHub makes of a page's headings; repeated ones get a number."""
    slugs: dict[str, int] = {}
    found = set()
    for heading in _HEADING.findall(_without_fences(page.read_text("utf-8"))):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        count = slugs[slug] = slugs.get(slug, -1) + 1
        found.add(f"{slug}-{count}" if count else slug)
    return found


def _problem_of_address(address: str) -> str | None:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https"):
        return "not a web address"
    is_host = re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}(:\d+)?", parts.netloc)
    return None if is_host else "no host with a domain"


def _without_fences(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def _without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", _without_fences(text))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    found = {link.target: what for link in links(page) if (what := problem(link)) is not None}
    assert found == {}


def test_code_cites_pages_that_there_are() -> None:
    """And nothing that a reader of this repository does not have."""
    texts = {path: path.read_text("utf-8") for folder in ("qaml", "tests") for path in (ROOT / folder).rglob("*.py")}
    cited = {(path.relative_to(ROOT), page) for path, text in texts.items() for page in _CITED.findall(text)}
    assert len(cited) > 10
    assert sorted((path, page) for path, page in cited if not (ROOT / page).is_file()) == []
    assert [path for path, text in texts.items() if re.search(r"\bDESIGN\b", text) and path != Path(__file__)] == []


def test_pages_have_links_at_all() -> None:
    assert sum(len(links(page)) for page in PAGES) > 80


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("nowhere.md", "no such file"),
        ("docs/spec.md#no-such-heading", "no such heading"),
        ("../elsewhere", "no such file"),
        ("https://no-domain/x", "no host"),
        ("ftp://example.org", "not a web address"),
        ("docs/spec.md#profiles", None),
        ("https://example.org/x#y", None),
    ],
)
def test_the_check_itself_sees(target: str, what: str | None) -> None:
    found = problem(Link(ROOT / "README.md", target))
    assert (found or "").startswith(what or "")
    assert (found is None) == (what is None)
