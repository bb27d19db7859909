"""From the bytes of a spec to a tree of located values. Nothing in a spec is ever executed or constructed.

Ruamel's parser in Python defines what a spec says. Libyaml's, in C, takes a twentieth of its time and reads ordinary
text the same way, so it goes first, and where it finds anything but a sound document all of its answer is discarded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import yaml
from ruamel.yaml import YAML
from ruamel.yaml import events as of_ruamel
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from yaml import events as of_libyaml

from qaml.errors import SpecError
from qaml.spec.limits import MAX_DEPTH, MAX_WEIGHT
from qaml.spec.nodes import Located, Mark, Path, weigh
from qaml.spec.problems import Problems
from qaml.spec.scalars import UNPRINTABLE, read_plain, read_quoted

_ALIAS = (of_ruamel.AliasEvent, of_libyaml.AliasEvent)
_SCALAR = (of_ruamel.ScalarEvent, of_libyaml.ScalarEvent)
_MAPPING = (of_ruamel.MappingStartEvent, of_libyaml.MappingStartEvent)
_END_OF_MAPPING = (of_ruamel.MappingEndEvent, of_libyaml.MappingEndEvent)
_END_OF_LIST = (of_ruamel.SequenceEndEvent, of_libyaml.SequenceEndEvent)
_END_OF_DOCUMENT = (of_ruamel.DocumentEndEvent, of_libyaml.DocumentEndEvent)
_END = (of_ruamel.StreamEndEvent, of_libyaml.StreamEndEvent)

_START = Mark(1, 1)
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_STAND_IN = 1
"""Placeholder for a value that cannot be read, so that reading goes on; most often the value is not finite."""
_READ_DIFFERENTLY = re.compile(
    "[\t\r\x85\u2028\u2029\ufeff\\\\]|[!&*]\\S|[|>][-+0-9]*#|^(?:---|\\.\\.\\.)", re.MULTILINE
)
"""What the two parsers may not agree about: breaks, tabs, escapes, tags, anchors, comments without a space, markers."""
_LONG_TAG = re.compile(r"!\S{2000}")
_PLAIN = "specs are plain data; remove the tag"


class _Words(NamedTuple):
    """A message of the parser, qaml's own wording of it, and whether it concerns the start of the construct."""

    said: str
    message: str
    hint: str = ""
    is_at_start: bool = False


_WORDS = (
    _Words("found character '\\t'", "a tab cannot indent", "use spaces"),
    _Words("mapping values are not allowed", "a ':' is not expected here", "put text that holds ': ' in quotes"),
    _Words("could not find expected ':'", "expected ':' after a key", "write 'key: value'"),
    _Words("found unexpected end of stream", "this text is never closed", "add the closing quote", True),
    _Words("while parsing a flow mapping", "this mapping is never closed, or a ',' is missing", "check the '}'", True),
    _Words("while parsing a flow sequence", "this list is never closed, or a ',' is missing", "check the ']'", True),
)


def decode(content: bytes, file: str) -> str:
    """The text of a spec file.

    Raises:
        SpecError: the file is not UTF-8.
    """
    problems = Problems(file, ())
    text = ""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        problems.add(_START, "", "not UTF-8: the file starts like UTF-16", "save it as UTF-8")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            mark = _mark_of(content[: error.start].decode("utf-8-sig", "replace"))
            problems.add(mark, "", f"not UTF-8: unexpected byte 0x{content[error.start]:02x}", "save it as UTF-8")
    problems.raise_any()
    return text


def lines_of(text: str) -> list[str]:
    """The text's lines, split where YAML counts a new one."""
    return _BREAK.split(text)


def read(text: str, problems: Problems) -> Located:
    """The document as located values; mistakes are added to ``problems``.

    Raises:
        SpecError: the text is not one YAML document, or exceeds the limits.
    """
    if odd := UNPRINTABLE.search(_BREAK.sub("\n", text)):
        mark = _mark_of(_BREAK.sub("\n", text)[: odd.start()])
        problems.add(mark, "", f"character U+{ord(odd.group()):04X} is not allowed in a spec", "remove it")
        problems.raise_any()
    if tag := _LONG_TAG.search(text):  # which the parser would read again for each of its characters
        problems.add(_mark_of(text[: tag.start()]), "", "a tag of this length is not allowed", _PLAIN)
        problems.raise_any()
    if directive := re.search(r"^%", text, re.MULTILINE):
        problems.add(_mark_of(text[: directive.start()]), "", "YAML directives are not supported", "remove the line")
        problems.raise_any()
    if (document := _read_quickly(text)) is not None:
        return document
    builder = _Builder(YAML(typ="safe", pure=True).parse(text), problems)
    try:
        return builder.document()
    except MarkedYAMLError as error:
        _explain(error, problems)
    except (YAMLError, ValueError, OverflowError, IndexError, AttributeError, TypeError, AssertionError) as error:
        # the pure-Python scanner trips over some malformed escapes and directives
        problems.add(builder.mark, "", f"not valid YAML: {_first_line(error)}")
    problems.raise_any()
    raise AssertionError("a refused document leaves a problem")


def _read_quickly(text: str) -> Located | None:
    """The document, if libyaml is there and reads one without any mistake in it."""
    if not yaml.__with_libyaml__ or _READ_DIFFERENTLY.search(text):
        return None
    problems = Problems("", ())
    try:
        document = _Builder(_alike(yaml.parse(text, Loader=yaml.CSafeLoader)), problems).document()
    except (yaml.YAMLError, SpecError, _Unlike):
        return None
    return None if problems else document


class _Unlike(Exception):
    """The parsers place an event differently."""


def _alike(events: Iterable[Any]) -> Iterator[Any]:
    """The events, unless one is a value that is left out, whose place libyaml reports differently."""
    for event in events:
        if isinstance(event, of_libyaml.ScalarEvent) and event.start_mark.index == event.end_mark.index:
            raise _Unlike
        yield event


def _mark_of(before: str) -> Mark:
    lines = lines_of(before)
    return Mark(len(lines), len(lines[-1]) + 1)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200] or type(error).__name__


def _explain(error: MarkedYAMLError, problems: Problems) -> None:
    found = error.problem_mark
    if found is not None and (start := _bare_braces(problems.line(found.line + 1), found.column)) is not None:
        text = problems.line(found.line + 1)[start:].rstrip().partition(", ")[0]
        hint = f'put the text in quotes: "{text[:60]}"'
        problems.add(Mark(found.line + 1, start + 1), "", "a text with braces needs quotes", hint)
        return
    said = " ".join(filter(None, (error.context, error.problem)))
    words = next((words for words in _WORDS if words.said in said), _Words("", f"not valid YAML: {said[:200]}"))
    mark = (error.context_mark if words.is_at_start else None) or error.problem_mark or error.context_mark
    at = Mark(mark.line + 1, mark.column + 1) if mark is not None else _START
    problems.add(at, "", words.message, words.hint)


def _bare_braces(line: str, column: int) -> int | None:
    """Where the text with a placeholder begins that YAML took for a mapping: just before or at a column of the line."""
    before = re.search(r"\{[A-Za-z][\w-]*\}\s*$", line[:column])
    if before is not None:
        return before.start()
    word = re.search(r"[^\s{}\[\],:][^{}\[\],:]*$", line[:column])
    return word.start() if word is not None and re.match(r"\{[A-Za-z][\w-]*\}", line[column:]) else None


class _Refused(Exception):
    """The document cannot be read further."""


class _Builder:
    def __init__(self, events: Iterable[Any], problems: Problems) -> None:
        self.mark = _START
        self._problems = problems
        self._events = iter(events)
        self._anchors: dict[str, Located | None] = {}
        self._weight = 0

    def document(self) -> Located:
        try:
            self._next()
            event = self._next()
            if isinstance(event, _END):
                self._refuse("the file is empty", "a suite needs at least 'suite' and 'claims'")
            root = self._node(self._next(), (), 0)
            while not isinstance(event := self._next(), _END_OF_DOCUMENT):
                pass
            if not isinstance(event := self._next(), _END):
                self._refuse("expected one document, got a second one", "remove the line '---'")
        except _Refused:
            self._problems.raise_any()
        return root

    def _next(self) -> Any:
        event = next(self._events)
        start = event.start_mark
        self.mark = Mark(start.line + 1, start.column + 1)
        return event

    def _refuse(self, message: str, hint: str = "", path: Path = ()) -> None:
        self._problems.add(self.mark, path, message, hint)
        raise _Refused

    def _node(self, event: Any, path: Path, depth: int) -> Located:
        if isinstance(event, _ALIAS):
            return self._alias(event, path)
        if depth > MAX_DEPTH:
            self._refuse(f"nested too deeply: expected at most {MAX_DEPTH} levels", path=path)
        mark = self.mark
        if event.tag is not None:
            self._problems.unreadable(mark, path, f"tag {str(event.tag)[:60]!r} is not allowed", _PLAIN)
        anchor = event.anchor
        if anchor is not None:
            self._anchors[anchor] = None
        if isinstance(event, _SCALAR):
            node = self._scalar(event, path, mark)
        elif isinstance(event, _MAPPING):
            node = self._mapping(path, depth, mark)
        else:
            node = self._list(path, depth, mark)
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _count(self, weight: int, path: Path) -> None:
        self._weight += weight
        if self._weight > MAX_WEIGHT:
            message = f"document too large: more than {MAX_WEIGHT:,} values with aliases written out"
            self._refuse(message, path=path)

    def _alias(self, event: Any, path: Path) -> Located:
        name = event.anchor
        if name not in self._anchors:
            self._refuse(f"unknown alias {name!r}", "an alias (*name) repeats a value marked earlier with &name", path)
        node = self._anchors[name]
        if node is None:
            self._problems.add(self.mark, path, f"alias {name!r} is inside the value that it repeats")
            raise _Refused
        self._count(node.weight, path)
        return Located(node.value, self.mark, None, self.mark.line, node.weight)

    def _scalar(self, event: Any, path: Path, mark: Mark) -> Located:
        try:
            value = read_plain(event.value) if event.style in (None, "") else read_quoted(event.value)
        except ValueError as error:
            self._problems.unreadable(mark, path, str(error))
            value = _STAND_IN
        weight = 1 + len(event.value) // 64
        self._count(weight, path)
        return Located(value, mark, None, _last_line(event, mark), weight)

    def _list(self, path: Path, depth: int, mark: Mark) -> Located:
        self._count(1, path)
        items: list[Located] = []
        while not isinstance(event := self._next(), _END_OF_LIST):
            items.append(self._node(event, (*path, len(items)), depth + 1))
        return Located(tuple(items), mark, None, self._end(items, event), weigh(items))

    def _mapping(self, path: Path, depth: int, mark: Mark) -> Located:
        self._count(1, path)
        entries: dict[str, Located] = {}
        while not isinstance(event := self._next(), _END_OF_MAPPING):
            name, key = self._key(event, path), self.mark
            child = self._node(self._next(), (*path, name), depth + 1)
            placed = Located(child.value, child.mark, key, child.end_line, child.weight)
            first = entries.setdefault(name, placed)
            if first is not placed:
                line, column = first.key_mark
                self._problems.add(key, (*path, name), f"duplicate key, first given at {line}:{column}", "remove one")
        return Located(entries, mark, None, self._end(list(entries.values()), event), weigh(entries.values()))

    def _key(self, event: Any, path: Path) -> str:
        if not isinstance(event, _SCALAR):
            what = "an alias" if isinstance(event, _ALIAS) else "a collection"
            self._refuse(f"expected a name as key, got {what}", path=path)
        if event.tag is not None:
            self._problems.add(self.mark, path, f"tag {str(event.tag)[:60]!r} is not allowed", _PLAIN)
        name = str(event.value)
        if name == "<<" and event.style in (None, ""):
            self._refuse("merge keys are not supported", "use 'extends: name'", path)
        try:
            read_quoted(name)
        except ValueError as error:
            self._refuse(f"key: {error}", path=path)
        self._count(1 + len(name) // 64, path)
        return name

    def _end(self, children: list[Located], event: Any) -> int:
        # the end of a block collection is only noticed at the next token, lines later
        is_flow = event.end_mark.index > event.start_mark.index
        if is_flow:
            return self.mark.line
        return max((child.end_line for child in children), default=self.mark.line)


def _last_line(event: Any, mark: Mark) -> int:
    end = event.end_mark
    last: int = end.line + 1 if end.column else end.line
    return max(mark.line, last)
