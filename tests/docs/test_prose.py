"""Docstrings are sentences in plain technical English: readers of the generated reference see them without the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORDS = re.compile(
    r"\b(stands?|stood|told|tells?|whoever|nobody|somebody|anybody|whatever|what there is|lies? (beside|where))\b",
    re.IGNORECASE,
)
FRAGMENT = re.compile(r"(Of|By|Behind|Without|Whose) ")
ARGUMENT = re.compile(r"\s+\w+: (of|whose|in|behind|beside) ")
"""An entry of Args or Attributes that is a sentence only together with the name in front of it."""
COMMENT = re.compile(r"(^|  )\s*# .*")
CODE = re.compile(r"``.*?``", re.DOTALL)


def faults(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of everything in the docstrings and comments of a module that is no plain sentence."""
    for number, line in enumerate(source.splitlines(), 1):
        if (comment := COMMENT.search(line)) and WORDS.search(comment[0]):
            yield number, line.strip()
    tree = ast.parse(source)
    modules_and_functions = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    heads = {id(node.body[0]) for node in ast.walk(tree) if isinstance(node, modules_and_functions) and node.body}
    for node in ast.walk(tree):
        if not (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        ):
            continue
        if id(node) not in heads and FRAGMENT.match(node.value.value):
            yield node.lineno, node.value.value.splitlines()[0]
        text = CODE.sub(lambda code: "\n" * code[0].count("\n"), node.value.value)
        for number, line in enumerate(text.splitlines(), node.lineno):
            if WORDS.search(line) or ARGUMENT.match(line):
                yield number, line.strip()


def test_docstrings_and_comments_are_plain_sentences() -> None:
    lines = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in sorted((ROOT / "qaml").rglob("*.py"))
        for line, text in faults(path.read_text(encoding="utf-8"))
    ]
    assert not lines, "write plain sentences (CONTRIBUTING.md):\n" + "\n".join(lines)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('size = 1\n"""Of the file."""', 2),
        ('def f(path):\n    """Read it.\n\n    Args:\n        path: of the file.\n    """', 5),
        ('"""A name.\n\nIt stands for a model."""', 3),
        ('class A:\n    """What nobody asks for."""', 2),
        ("size = 1  # whatever it was", 1),
    ],
)
def test_fragments_and_idioms_are_found(source: str, line: int) -> None:
    assert [number for number, _ in faults(source)] == [line]


def test_sentences_and_code_pass() -> None:
    assert not list(
        faults('"""The position, as ``file.tell()`` returns it."""\nsize = 1\n"""Size of a file, in bytes."""')
    )
