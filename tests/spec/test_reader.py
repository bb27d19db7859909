"""Libyaml's answers are taken only where ruamel's parser gives the same: values, positions and all."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from qaml.errors import SpecError
from qaml.spec import reader
from qaml.spec.nodes import Located
from qaml.spec.problems import Problems
from qaml.spec.scalars import UNPRINTABLE
from tests.spec.cases import INVALID, REAL, VALID

SIGNS = (*":-,{}[]'\"#&*>?!|~%@`\\", "<<", "--", "::", "|-", ">+", "|+", "- -")
WORDS = (
    "a",
    "b",
    "1",
    "1.5",
    "null",
    "true",
    "yes",
    "é",
    "≥",
    "𝛼",
    "key: ",
    "{a: 1}",
    "[1, 2]",
    '"x"',
    "'y'",
    "&a ",
    "!t ",
)
SPACES = ("\n", "\n ", "\n  ", "\n    ", " ", "  ", ": ", ", ", " #", "\t", "\r\n", "\x85", "\n---", "\n...")
PIECES = (*SIGNS, *WORDS, *SPACES, *SPACES)


def slowly(text: str) -> Located | None:
    problems = Problems("", reader.lines_of(text))
    try:
        document = reader._Builder(YAML(typ="safe", pure=True).parse(text), problems).document()
    except (YAMLError, SpecError, ValueError, IndexError, AttributeError, TypeError, AssertionError):
        return None
    return None if problems else document


def flat(node: Located | None) -> Any:
    """Everything in it, with the types of its values, which ``==`` takes for equal."""
    if node is None:
        return None
    value: Any = repr(node.value)
    if node.is_mapping:
        value = [(name, flat(child)) for name, child in node.entries.items()]
    elif node.items:
        value = [flat(child) for child in node.items]
    return value, node.mark, node.key, node.end_line, node.weight


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_our_specs_are_read_by_libyaml_and_mean_the_same(path: Any) -> None:
    found = reader._read_quickly(path.read_text("utf-8"))
    assert found is not None
    assert flat(found) == flat(slowly(path.read_text("utf-8")))


def test_whatever_libyaml_reads_ruamel_reads_alike() -> None:
    rng = random.Random(8)
    texts = [path.read_text("utf-8", "replace") for path in (*VALID, *INVALID) if 0 < path.stat().st_size < 2000]
    compared = 0
    for number in range(1500):
        if number % 3:
            text = "".join(rng.choices(PIECES, k=rng.randint(1, 20)))
        else:
            text = rng.choice(texts)
            at = rng.randrange(len(text))
            text = text[:at] + rng.choice(PIECES) + text[at + rng.choice((0, 0, 1, 5)) :]
        if UNPRINTABLE.search(text) or re.search("^%", text, re.MULTILINE):
            continue  # refused before
        found = reader._read_quickly(text)
        if found is not None:
            compared += 1
            assert flat(found) == flat(slowly(text)), text
    assert compared > 150


DIFFERENT = (
    *("a:\n  b:\n", "&x:y 1", "a: |#\n  b", 'a: "\\/"', "a:\t1"),
    *("---\na: 1", "a: !t 1", "a: *b", "a: b\r\n", "a: \x85b"),
)


@pytest.mark.parametrize("text", DIFFERENT)
def test_where_they_differ_ruamel_decides(text: str) -> None:
    assert reader._read_quickly(text) is None
