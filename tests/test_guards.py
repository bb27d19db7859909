"""What a part needs besides its class: a forgotten step fails, and the message says what is missing and where."""

from __future__ import annotations

import ast
import re
from pkgutil import iter_modules
from typing import Any

import pytest

from qaml.claims.base import CLAIMS
from qaml.judge import findings
from qaml.metrics.table import METRICS
from qaml.registry import Registry
from tests.docs.fences import DOCS, ROOT
from tests.docs.test_reference import REGISTRIES

FAMILIES: list[Registry[Any]] = [*REGISTRIES, METRICS]
SOURCES = {path: path.read_text("utf-8") for path in (ROOT / "qaml").rglob("*.py")}
of_every_family = pytest.mark.parametrize("registry", FAMILIES, ids=[registry.family for registry in FAMILIES])


def test_every_family_of_parts_is_guarded() -> None:
    names = {name for text in SOURCES.values() for name in re.findall(r'= Registry\(\s*"([\w -]+)"', text)}
    assert names == {registry.family for registry in FAMILIES}, "add the registry to REGISTRIES of tests/docs"


def test_every_part_is_in_a_table() -> None:
    listed = {place for registry in FAMILIES for place in registry._builtins.values()}
    for path, text in SOURCES.items():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        lost = [f"{module}:{name} ({kind!r})" for name, kind in _declared(text) if f"{module}:{name}" not in listed]
        assert not lost, f"add a line to the table in its family's base.py for {', '.join(lost)}"


def _declared(text: str) -> list[tuple[str, str]]:
    """The classes in a source with the kind that each declares."""
    return [
        (node.name, str(field.value.value))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef)
        for field in node.body
        if isinstance(field, ast.AnnAssign) and ast.unparse(field.target) == "kind"
        if ast.unparse(field.annotation).startswith("Literal[") and isinstance(field.value, ast.Constant)
    ]


@of_every_family
def test_a_line_of_a_table_leads_to_its_part(registry: Registry[Any]) -> None:
    for kind in registry.builtin_kinds():
        part = registry.load(kind)
        assert issubclass(part, registry.base_class), f"{registry.family} {kind!r} is no {registry.base_class.__name__}"
        if registry is not METRICS:  # a metric's kind is what the table calls it
            default = part.model_fields["kind"].default
            assert default == kind, f"the table says {kind!r}, {part.__module__} {default!r}"


@of_every_family
def test_every_kind_is_on_a_page(registry: Registry[Any]) -> None:
    pages = "\n".join(path.read_text("utf-8") for path in DOCS.glob("*.md"))
    lost = [kind for kind in registry.builtin_kinds() if not re.search(rf"`{kind}`|kind: {kind}\b", pages)]
    assert not lost, f"no page of docs/ says anything of the {registry.family}s {', '.join(lost)}"


def test_every_claim_kind_has_words() -> None:
    lost = [kind for kind in CLAIMS.builtin_kinds() if not CLAIMS.load(kind).plural]
    assert not lost, f"a report cannot head several claims of these kinds, set plural: {', '.join(lost)}"


def test_every_family_of_findings_is_asked() -> None:
    asked = {family.__name__ for family in findings.FAMILIES}
    for module in iter_modules(findings.__path__, f"{findings.__name__}."):
        has_checks = re.search(r"^CHECKS = ", _source(module.name), re.MULTILINE)
        assert not has_checks or module.name in asked, f"add {module.name} to FAMILIES of qaml.judge.findings"


def _source(module: str) -> str:
    return SOURCES[ROOT.joinpath(*module.split(".")).with_suffix(".py")]
