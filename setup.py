"""What pyproject.toml cannot say.

The suites of ``specs/`` are in the wheel, as the folder ``qaml/specs``. And for the package index README's relative
links become links to the files of the release's tag.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from setuptools import find_namespace_packages, setup

ROOT = Path(__file__).parent
_LINK = re.compile(r"(?P<is_image>!?)\[(?P<words>[^]]*)\]\((?P<target>(?!\w+:|#)[^)\s]+)\)")


def absolute(text: str, repository: str, version: str) -> str:
    """Markdown whose relative links are absolute.

    Args:
        text: of a page at the root of the repository.
        repository: its address.
        version: whose tag holds the files.
    """

    def link(found: re.Match[str]) -> str:
        kind = "raw" if found["is_image"] else "blob"
        return f"{found['is_image']}[{found['words']}]({repository}/{kind}/v{version}/{found['target']})"

    return _LINK.sub(link, text)


def readme() -> str:
    """README for the package index."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = re.search(
        r'^__version__ = "(.+)"$', (ROOT / "qaml/__init__.py").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert version is not None
    return absolute((ROOT / "README.md").read_text(encoding="utf-8"), project["urls"]["Repository"], version[1])


setup(
    packages=[*find_namespace_packages(include=["qaml*"]), "qaml.specs", "qaml.specs.schema"],
    package_dir={"qaml.specs": "specs"},
    long_description=readme(),
    long_description_content_type="text/markdown",
)
