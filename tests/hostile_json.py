"""JSON that no honest program writes, for every reader of files that come from outside."""

from __future__ import annotations

import copy
import random
from typing import Any

TEXTS: dict[str, bytes] = {
    "empty": b"",
    "junk": bytes(range(256)),
    "nothing": b"null",
    "a number": b"7",
    "a list": b"[]",
    "an empty object": b"{}",
    "half": b'{"schema_version": 2, "created": "2026',
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"schema_version":' * 100_000,
    "deep and closed": b"[" * 100_000 + b"]" * 100_000,
    "deep inside": b'{"schema_version": 2, "profile": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "huge number": b'{"schema_version": ' + b"9" * 100_000 + b"}",
    "huge exponent": b'{"schema_version": 1e999999999}',
    "no number": b'{"schema_version": NaN}',
    "a text for a number": b'{"schema_version": "2"}',
    "truth for a number": b'{"schema_version": true}',
    "twice": b'{"schema_version": 9, "schema_version": 9}',
    "many values": b'{"schema_version": 2, "outcomes": [' + b"1," * 4_000_000 + b"1]}",
    "many mistakes": b'{"schema_version": 2, "outcomes": [' + b"1," * 400_000 + b"1]}",
    "many keys": b"{" + b",".join(b'"%d":1' % number for number in range(20_000)) + b"}",
    "long text": b'{"schema_version": "' + b"x" * 10_000_000 + b'"}',
    "lone surrogate": b'{"schema_version": "\\ud800", "created": "\\udfff"}',
    "not UTF-8": b'{"schema_version": "\xff"}',
    "UTF-16": '{"schema_version": 2}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"schema_version": 9}',
    "comment": b'{"schema_version": 9 /* x */}',
}

VALUES: tuple[Any, ...] = (
    *(None, True, "", "x", "x" * 2000, "\x1b[2J\u202e::error::", "\ud800", "9" * 400, "nan", "inf", "-inf", "1e999"),
    *(0, -1, 10**30, 10**400, -(10**400), 1e308, -1e308, 5e-324, float("nan"), float("inf"), 0.5),
    *(
        [],
        {},
        [[]],
        [None],
        [{}],
        {"": ""},
        {"a": [1]},
        ["x"] * 300,
        "1 2 3",
        "1 nan x",
        "../../etc/passwd",
        "</script>",
    ),
)


def mutated(tree: Any, rng: random.Random) -> Any:
    """The tree with one of its values, wherever, changed, dropped, repeated or put elsewhere."""
    changed = copy.deepcopy(tree)
    places = list(_places(changed))
    for _ in range(rng.choice((1, 1, 2, 5))):
        parent, step = rng.choice(places)
        match rng.randrange(6):
            case 0 | 1 | 2:
                parent[step] = rng.choice(VALUES)
            case 3:
                other, at = rng.choice(places)
                parent[step] = copy.deepcopy(other[at]) if _has(other, at) else None
            case 4 if isinstance(parent, dict):
                parent.pop(step, None)
            case 4:
                parent.extend(copy.deepcopy(parent[:50]))
            case _ if isinstance(parent, dict):
                parent[rng.choice(("x", "", "schema_version", "\x1b[2J"))] = rng.choice(VALUES)
    return changed


def _has(parent: Any, step: Any) -> bool:
    return step in parent if isinstance(parent, dict) else step < len(parent)


def _places(tree: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    queue = [tree]
    while queue:
        node = queue.pop()
        steps = node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        found += [(node, step) for step in steps]
        queue += [node[step] for step in steps]
    return found
