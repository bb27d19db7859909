"""Loading a long spec: against the YAML parser alone, and against a spec of half as many lines.

The text is a claim of the test suite's specs that expands to eight, written often enough for 800 lines.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from qaml.spec.load import load_text

SPEC = Path(__file__).parents[2] / "tests" / "specs" / "valid" / "expansion.yaml"
COPIES = 72
REPEATS = 5
MOST_PARSINGS = 4.0
"""Of the same text by the parser; reading, expanding and checking come on top."""
MOST_GROWTH = 2.5
"""From half the lines to all of them: no check may compare every claim with every other."""


def long_spec(copies: int) -> str:
    """The spec with its claim repeated under other names."""
    head, _, claim = SPEC.read_text("utf-8").partition("claims:\n")
    return f"{head}claims:\n" + "".join(claim.replace("-under-", f"-{i}-under-") for i in range(copies))


def seconds(function: Callable[[], Any]) -> float:
    """The shortest of a few runs."""
    found = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function()
        found.append(time.perf_counter() - start)
    return min(found)


def rows() -> list[dict[str, Any]]:
    """Time loading, parsing and loading half of it."""
    text, half = long_spec(COPIES), long_spec(COPIES // 2)
    whole = seconds(lambda: load_text(text, "long.yaml", "quick"))
    part = seconds(lambda: load_text(half, "half.yaml", "quick"))
    parsing = seconds(lambda: list(YAML(typ="safe", pure=True).parse(text)))
    name = f"loading {text.count(chr(10))} lines, {COPIES * 8} claims"
    return [
        {
            "name": name,
            "value": whole,
            "unit": "s",
            "peer": f"ruamel.yaml's parser alone: {parsing:.3g} s, at most {MOST_PARSINGS:g} times",
            "ratio": whole / parsing,
            "bar": MOST_PARSINGS,
            "holds": whole <= MOST_PARSINGS * parsing,
        },
        {
            "name": f"{name}, growth",
            "value": whole,
            "unit": "s",
            "peer": f"half of them: {part:.3g} s, at most {MOST_GROWTH:g} times",
            "ratio": whole / part,
            "bar": MOST_GROWTH,
            "holds": whole <= MOST_GROWTH * part,
        },
    ]


if __name__ == "__main__":
    for row in rows():
        print(f"{row['name']}: {row['value']:.3g} {row['unit']}, {row['peer']}, ratio {row['ratio']:.3g}")
