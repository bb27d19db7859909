"""How Sphinx builds these pages: `make docs`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from qaml import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "qaml"
author = "The qaml authors"
version = release = __version__

extensions = ["myst_parser"]
exclude_patterns = ["_build", "_ext"]
html_theme = "furo"
html_title = f"qaml {release}"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

# the anchors of a repository page: a heading in lower case with hyphens
myst_heading_anchors = 4


PUBLISHED = re.compile(r"\[([^]]*)\]\((?:\.\./)+reports/published/([^)/]+)/summary\.md\)")


def setup(app: Sphinx) -> None:
    """Links out of this folder, such as to README, are no pages here: offer the file.

    On the site (`make site`) there are the pages of published reports: links to their summaries lead to them.
    """
    if app.tags.has("site"):
        app.connect("source-read", _lead_to_reports)
    app.connect("source-read", _offer_files)


def _lead_to_reports(_: object, page: str, source: list[str]) -> None:
    root = "../" * page.count("/")
    source[0] = PUBLISHED.sub(rf'<a href="{root}reports/\2/index.html">\1</a>', source[0])


def _offer_files(app: Sphinx, page: str, source: list[str]) -> None:
    folder = (Path(app.srcdir) / page).parent

    def offered(link: re.Match[str]) -> str:
        is_page = (folder / link[1]).resolve().is_relative_to(app.srcdir)
        return link[0] if is_page else f"](path:{link[1]})"

    source[0] = re.sub(r"\]\(((?:\.\./)+[^)#]+)\)", offered, source[0])
