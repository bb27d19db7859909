"""The spec files beside these tests, and what loading one of them says."""

from __future__ import annotations

from pathlib import Path

from qaml.errors import SpecError
from qaml.spec.load import load_text
from qaml.spec.reader import decode

ROOT = Path(__file__).parents[2]
VALID = sorted((ROOT / "tests" / "specs" / "valid").glob("*.yaml"))
INVALID = sorted((ROOT / "tests" / "specs" / "invalid").glob("*.yaml"))
REAL = sorted((ROOT / "specs").glob("*.yaml"))


def complaint(path: Path) -> str:
    """The error text of an invalid spec at the profile ``standard``; empty if it loads."""
    try:
        load_text(decode(path.read_bytes(), path.name), path.name, "standard")
    except SpecError as error:
        return str(error)
    return ""


def rewrite_expected() -> None:
    """Write every invalid spec's error text beside it; read the difference before committing it."""
    for path in INVALID:
        path.with_suffix(".txt").write_text(complaint(path) + "\n", "utf-8")


if __name__ == "__main__":
    rewrite_expected()
