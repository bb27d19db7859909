"""Parts are light, and heavy libraries come in quietly."""

import os
import subprocess
import sys

import pytest

from qaml.attacks import ATTACKS

HEAVY = ("torch", "numpy", "foolbox", "pyautoattack", "scipy", "eagerpy")


def python(code: str, **environment: str) -> str:
    settings = {name: value for name, value in os.environ.items() if name != "GIT_PYTHON_REFRESH"} | environment
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_parts_load_no_heavy_library() -> None:
    code = (
        "import sys; from qaml.attacks import ATTACKS, AttackPart\n"
        f"for kind in ATTACKS.kinds(): ATTACKS.load(kind)\n"
        "AttackPart.model_validate({'kind': 'pgd', 'epsilon': ['8/255']})\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert python(code).strip() == "[]"


def test_foolbox_comes_without_warnings_and_without_git() -> None:
    code = (
        "import os; import qaml.attacks.engine as engine\n"
        "print(engine.foolbox.__version__, 'GIT_PYTHON_REFRESH' in os.environ)"
    )
    version, is_set = python(code, PATH="/nonexistent").split()
    assert version.startswith("3.")
    assert is_set == "False"


@pytest.mark.parametrize("kind", ATTACKS.kinds())
def test_kinds_name_themselves_and_are_documented(kind: str) -> None:
    part = ATTACKS.load(kind)
    assert part.model_fields["kind"].default == kind
    assert part.__doc__
    for name, field in part.model_fields.items():
        assert name == "kind" or field.description, f"{kind}.{name} has no description"
