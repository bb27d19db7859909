"""The state of what code reads beside its sources: files, folders, environment variables."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

VARIABLE = "env:"


def state_of(name: str) -> str:
    """A digest of what is there now, or ``absent``.

    Args:
        name: a path (relative ones start at the current directory; of a folder all files in it count), or ``env:NAME``.
    """
    if name.startswith(VARIABLE):
        value = os.environ.get(name.removeprefix(VARIABLE))
        return "absent" if value is None else hashlib.sha256(value.encode()).hexdigest()
    path = Path(name).expanduser()
    if path.is_dir():
        inside = sorted(each for each in path.rglob("*") if each.is_file() and "__pycache__" not in each.parts)
        listed = "\n".join(f"{each.relative_to(path).as_posix()} {_content(each)}" for each in inside)
        return hashlib.sha256(listed.encode()).hexdigest()
    return _content(path)


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "absent"
