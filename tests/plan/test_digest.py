"""Digests of sources: code counts, comments do not, the closure is followed, and what others' code reads."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import qaml
from qaml.plan import digest as module
from qaml.plan import foreign
from qaml.plan.digest import digest
from qaml.plan.foreign import is_standard
from qaml.plan.syntax import imports_of, plain

NO_RESULTS = frozenset(
    {
        *("filelock", "jinja2", "markupsafe", "matplotlib", "platformdirs", "polars", "pydantic", "pydantic_core"),
        *(
            "pytest",
            "requests",
            "rich",
            "ruamel",
            "safetensors",
            "tabulate",
            "threadpoolctl",
            "typer",
            "urllib3",
            "yaml",
        ),
    }
)
"""Libraries of ours that read, check, keep and show, and compute nothing that a verdict rests on."""


def forget() -> None:
    for name in ("_digest", "_find", "_origin", "_source", "look"):
        getattr(module, name).cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "example_digested"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "part.py").write_text("def build():\n    from example_digested import network\n    return network\n")
    (folder / "network.py").write_text('"""Words."""\nimport torch\nfrom .layers import width\n')
    (folder / "layers.py").write_text("width = 40\n")
    (folder / "unrelated.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    forget()
    yield folder
    forget()


def code() -> str:
    forget()
    return digest(["example_digested.part"]).code


def test_a_change_deep_in_the_closure_counts(package: Path) -> None:
    before = code()
    (package / "layers.py").write_text("width = 41\n")
    assert code() != before


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("layers.py", "# a comment\nwidth = 40\n"),
        ("network.py", '"""Other words."""\nimport torch\n\nfrom .layers import width\n'),
        ("unrelated.py", "x = 2\n"),
    ],
)
def test_what_cannot_change_a_result_does_not_count(package: Path, file: str, text: str) -> None:
    before = code()
    (package / file).write_text(text)
    assert code() == before


@pytest.mark.usefixtures("package")
def test_versions_of_the_libraries_used() -> None:
    assert [name for name, _ in digest(["example_digested.part"]).versions] == ["torch"]


@pytest.mark.usefixtures("package")
def test_nothing_is_imported() -> None:
    digest(["example_digested.part"])
    assert "example_digested" not in sys.modules


def test_imports_for_type_checkers_are_not_followed(package: Path) -> None:
    before = code()
    text = "from typing import TYPE_CHECKING\nwidth = 40\nif TYPE_CHECKING:\n    import example_digested.unrelated\n"
    (package / "layers.py").write_text(text)
    with_import = code()
    (package / "unrelated.py").write_text("x = 3\n")
    assert code() == with_import != before


def test_the_attack_on_a_model_does_not_hold_other_models() -> None:
    closure = module._closure(frozenset({"qaml.run.steps.attack", "qaml.attacks.gradient.part"}), frozenset({"qaml"}))
    assert "qaml.attacks.gradient.descent" in closure
    assert not [name for name in closure if name.startswith("qaml.models.rbm")]
    assert "qaml.attacks.base" in closure, "what computes counts, wherever it stands"


# --- others' code: what lies beside a part, and what it reads

USERS = """
import importlib, os
import torch
import {imported}
WIDTH = int(os.environ.get("USER_WIDTH", "8"))
DEPTH = os.environ["USER_DEPTH"] if "USER_DEPTH" in os.environ else os.getenv("USER_DEPTH_TOO")
third = importlib.import_module("users_third")
"""


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module with helpers beside it: plain, without __init__, named by a text, and behind one another."""
    (tmp_path / "users_net.py").write_text(USERS.format(imported="users_helper, users_space.deep"))
    (tmp_path / "users_helper.py").write_text("import users_second\nfrom users_package import inner\n")
    (tmp_path / "users_second.py").write_text("x = 1\n")
    (tmp_path / "users_third.py").write_text("x = 1\n")
    (tmp_path / "users_package").mkdir()
    (tmp_path / "users_package" / "__init__.py").write_text("x = 1\n")
    (tmp_path / "users_package" / "inner.py").write_text("x = 1\n")
    (tmp_path / "users_space").mkdir()
    (tmp_path / "users_space" / "deep.py").write_text("x = 1\n")
    (tmp_path / "users_unrelated.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    forget()
    yield tmp_path
    forget()


def users_code(reads: tuple[str, ...] = ()) -> str:
    forget()
    return digest(["users_net"], reads).code


@pytest.mark.parametrize(
    "file",
    [
        "users_helper.py",
        "users_second.py",
        "users_third.py",
        "users_package/__init__.py",
        "users_package/inner.py",
        "users_space/deep.py",
    ],
)
def test_what_lies_beside_a_users_module_counts(users: Path, file: str) -> None:
    before = users_code()
    (users / file).write_text((users / file).read_text() + "x = 2\n")
    assert users_code() != before


@pytest.mark.usefixtures("users")
@pytest.mark.parametrize("variable", ["USER_WIDTH", "USER_DEPTH", "USER_DEPTH_TOO"])
def test_variables_that_a_users_module_names_count(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    before = users_code()
    monkeypatch.setenv(variable, "16")
    assert users_code() != before
    monkeypatch.delenv(variable)
    assert users_code() == before


def test_what_a_users_module_does_not_import_does_not_count(users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = users_code()
    (users / "users_unrelated.py").write_text("x = 2\n")
    monkeypatch.setenv("USER_UNRELATED", "1")
    assert users_code() == before


def test_what_is_declared_counts(users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (users / "tables").mkdir()
    table = users / "tables" / "one.csv"
    reads = (str(users / "tables"), "env:USER_MODE", str(users / "late.txt"))
    seen = [users_code(reads)]
    table.write_text("1")
    seen.append(users_code(reads))
    monkeypatch.setenv("USER_MODE", "fast")
    seen.append(users_code(reads))
    (users / "late.txt").write_text("here")
    seen.append(users_code(reads))
    table.rename(users / "tables" / "two.csv")
    seen.append(users_code(reads))
    assert len(set(seen)) == 5
    assert users_code(reads) == seen[-1]


def test_libraries_of_a_users_module_count_by_their_versions(users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (users / "users_second.py").write_text("import einops_like.layers\nimport json\n")
    site = users / "site"
    (site / "einops_like").mkdir(parents=True)
    (site / "einops_like" / "layers.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(foreign, "_folders", lambda: (str(site),))
    monkeypatch.setattr(foreign, "_owners", lambda: {"einops_like": ["einops-like"]})
    installed = {"einops-like": "1.0"}
    monkeypatch.setattr(module, "_version", lambda name: installed.get(name, "0"))
    forget()
    made = digest(["users_net"])
    assert dict(made.versions) == {"einops-like": "1.0", "torch": "0"}
    assert made.foreign == tuple(
        sorted(
            {
                "users_helper",
                "users_net",
                "users_package",
                "users_package.inner",
                "users_second",
                "users_space.deep",
                "users_third",
            }
        )
    )


def test_what_cannot_be_followed_is_said(users: Path) -> None:
    (users / "users_second.py").write_text(
        "import importlib, os, sqlite3\nfrom urllib.request import urlopen\n"
        "def load(name):\n    return importlib.import_module(name), os.getenv(name)\n"
    )
    forget()
    assert digest(["users_net"]).remarks == (
        "users_second reads a database (sqlite3)",
        "users_second asks the network (urllib)",
        "users_second imports modules by names that it computes",
        "users_second reads environment variables by names that it computes",
    )


@pytest.mark.parametrize("content", [b"def broken(:\n", b"\0\0"])
def test_a_module_that_cannot_be_read_counts_by_its_bytes(users: Path, content: bytes) -> None:
    (users / "users_second.py").write_bytes(content)
    before = users_code()
    (users / "users_second.py").write_bytes(content + b"#")
    assert users_code() != before


# --- our own code


def test_tables_of_kinds_retrain_nothing_and_all_else_in_a_base_counts() -> None:
    table = 'THINGS: Registry[Thing] = Registry("thing", "qaml.things", {{{}}})\ndef load():\n    return {}\n'
    texts = [table.format('"one": "a:B"', 1), table.format('"one": "a:B", "two": "c:D"', 1), table.format("", 2)]
    one, two, other = (plain(ast.parse(text)) for text in texts)
    assert one == two != other


def test_the_form_of_a_digested_tree_is_pinned() -> None:
    """Python 3.12 and 3.13 dump other fields than 3.11; what is digested must be the same in all."""
    tree = ast.parse(
        "def f(x: int = None, *, y, **z):\n    'words'\n    return {**x, 'k': x[1:]} if y else lambda: ...\n"
    )
    assert plain(tree) == (
        "Module(body=[FunctionDef(name='f',args=arguments(args=[arg(arg='x',annotation=Name(id='int',ctx=Load()))],"
        "kwonlyargs=[arg(arg='y')],kw_defaults=[None],kwarg=arg(arg='z'),defaults=[Constant()]),body=[Return(value="
        "IfExp(test=Name(id='y',ctx=Load()),body=Dict(keys=[None,Constant(value='k')],values=[Name(id='x',ctx=Load()),"
        "Subscript(value=Name(id='x',ctx=Load()),slice=Slice(lower=Constant(value=1)),ctx=Load())]),orelse=Lambda("
        "args=arguments(),body=Constant(value=Ellipsis))))])])"
    )


def test_every_library_that_we_import_is_known() -> None:
    """Either its version counts, or it computes nothing that a verdict rests on."""
    root = Path(qaml.__file__).parent
    imported = {
        name.partition(".")[0]
        for path in root.rglob("*.py")
        for name in imports_of(ast.parse(path.read_bytes()), "qaml")
    }
    libraries = {top for top in imported if top and top != "qaml" and not is_standard(top)}
    known = module.DISTRIBUTIONS.keys() | NO_RESULTS
    assert libraries - known == set()
    assert not module.DISTRIBUTIONS.keys() & NO_RESULTS
    absent = {name for names in module.DISTRIBUTIONS.values() for name in names if module._version(name) == "absent"}
    assert absent == set()


def test_an_import_names_the_distributions_that_hold_it() -> None:
    """``dwave`` is spread over many distributions, and ``dwave-ocean-sdk`` itself holds no code."""
    owners = foreign._owners()
    for top, named in module.DISTRIBUTIONS.items():
        if top != "dwave":
            assert set(named) & set(owners[top]), top
    closure = module._closure(
        frozenset(
            {
                "qaml.samplers.annealer.part",
                "qaml.samplers.annealer.phase",
                "qaml.samplers.annealer.emulator",
                "qaml.run.steps.embed",
            }
        ),
        frozenset({"qaml"}),
    )
    imported = {name for path in closure.values() for name in module._source(path).imports if name.startswith("dwave.")}
    tops = {".".join(name.split(".")[:2]) for name in imported} - {"dwave.cloud", "dwave.embedding"}
    assert {name.replace(".", "-") for name in tops} <= set(module.DISTRIBUTIONS["dwave"])
