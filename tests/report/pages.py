"""Reads a rendered page as a browser would: tags, attributes, text and drawings."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree

VOID = frozenset({"meta", "link", "img", "input", "br"})


class Page(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.shape: list[tuple[str, tuple[str, ...]]] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.text = ""
        self.source = source
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, tuple(name for name, _ in attrs)))
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, tuple(name for name, _ in attrs)))
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        else:
            self.text += data

    def links(self) -> list[str]:
        return [value for _, name, value in self.attributes if name in ("href", "src")]

    def drawings(self) -> list[ElementTree.Element]:
        pieces = self.source.split("<svg")[1:]
        return [ElementTree.fromstring("<svg" + piece.split("</svg>")[0] + "</svg>") for piece in pieces]
