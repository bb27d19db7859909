"""Syntax trees as text that is the same in each Python, and the imports in them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator


def plain(node: object) -> str:
    """A tree as text: every field that is not empty, without docstrings and without tables of kinds.

    ``ast.dump`` omits different fields in each Python, and another Python must not retrain models.
    """
    pieces: list[str] = []
    _write(node, pieces.append)
    return "".join(pieces)


_WITH_BODY = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _write(node: object, add: Callable[[str], None]) -> None:
    if isinstance(node, list):
        between = "["
        for each in node:
            add(between)
            between = ","
            _write(each, add)
        add("]" if node else "[]")
    elif isinstance(node, ast.AST):
        add(f"{type(node).__name__}(")
        between = ""
        for name in node._fields:
            value = getattr(node, name, None)
            if name == "body" and isinstance(node, _WITH_BODY):
                value = [each for each in node.body if not _is_text(each) and not _is_table_of_kinds(each)]
            if value is not None and value != [] and name != "type_ignores":
                add(f"{between}{name}=")
                between = ","
                _write(value, add)
        add(")")
    else:
        add(repr(node))


def _is_text(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
        return False
    return isinstance(statement.value.value, str)


def _is_table_of_kinds(statement: ast.stmt) -> bool:
    """Whether it is ``ATTACKS: Registry[AttackPart] = Registry("attack", …, {…})``, whose parts are imported on use."""
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "Registry"


def imports_of(node: ast.AST, package: str, *, has_calls: bool = True) -> Iterator[str]:
    """Every module imported anywhere in the tree but under ``if TYPE_CHECKING``, by a statement or a constant name.

    Args:
        node: the tree.
        package: the package that relative imports start from.
        has_calls: whether expressions may import, too, which takes most of the time to see.
    """
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        for statement in node.orelse:
            yield from imports_of(statement, package, has_calls=has_calls)
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _absolute(node.module or "", node.level, package)
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and is_import_call(node) and (name := constant_of(node)) is not None:
        yield _absolute(name.lstrip("."), len(name) - len(name.lstrip(".")), package)
    for child in ast.iter_child_nodes(node):
        if has_calls or not isinstance(child, ast.expr):
            yield from imports_of(child, package, has_calls=has_calls)


def is_import_call(call: ast.Call) -> bool:
    """Whether it is ``importlib.import_module(…)`` or ``__import__(…)``."""
    return name_of(call.func).rpartition(".")[2] in ("import_module", "__import__")


def name_of(node: ast.expr) -> str:
    """A dotted name, such as ``os.environ.get``; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    inner = name_of(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{inner}.{node.attr}" if inner and isinstance(node, ast.Attribute) else ""


def constant_of(call: ast.Call) -> str | None:
    """The first argument if it is a constant text, else ``None``."""
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def _absolute(module: str, level: int, package: str) -> str:
    if level == 0:
        return module
    names = package.split(".")
    return ".".join([*names[: len(names) - level + 1], *([module] if module else [])])
