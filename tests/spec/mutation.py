"""Damages real specs the way people, editors and attackers do."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

NASTY = (
    *(b"!!python/object/apply:os.system ['touch canary']", b"!!python/name:os.system", b"!!binary gIGC", b"!<x> y"),
    *(
        b"&a [*a]",
        b"*a",
        b"&a",
        b"<<: *a",
        b"? [x]",
        b": ",
        b"- ",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b"|",
        b">-",
        b"#",
        b"%",
    ),
    *(b".nan", b"-.inf", b"1e999", b"9" * 400, b"0x", b"017", b"-0", b"null", b"~", b"true", b"no", b"8/0", b"1/"),
    *(b"\t", b"\0", b"\r", b"\x85", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xff", b"\xed\xa0\x80", b"\x1b[2J", b"\x7f"),
    *(b"'", b'"', b'"\\ud800"', b'"\\x00"', b'"\\U00110000"', b"---\n", b"...\n", b"\n\n", b"{rival}", b"{{x}}", b"{}"),
    *(
        b"extends: ",
        b"derive: ",
        b"kind: ",
        b"for: ",
        b"expected: ",
        b"every",
        b"rbm",
        b"fgsm",
        b"__class__",
        b"{0.__x}",
    ),
    *(
        b"1000000000",
        b"9223372036854775807",
        b"1" * 63,
        b"1e308",
        b"/dev/zero",
        b"/proc/self/mem",
        b"../../x",
        b"~nobody/x",
    ),
    *(b"sys:exit", b"os:system", b"__main__:x", b"::error::x", b"##[error]x", b"'\xe2\x80\xaex'", b"'\xe2\x80\x8bx'"),
    *(b"'\xc2\x9b31m'", b"!" * 3000, b"&" + b"x" * 3000, b"[" * 40, b"x" * 20_000),
)

PLAIN = (
    *(
        b"0",
        b"1",
        b"-1",
        b"0.5",
        b"1e-3",
        b"99999999",
        b"1000000000000",
        b"8/255",
        b"true",
        b"null",
        b"''",
        b"text",
        b"[]",
        b"{}",
        b"[1, 2]",
    ),
    *(
        b"every",
        b"fgsm",
        b"pgd",
        b"rbm",
        b"linear",
        b"digits",
        b"moons",
        b"clean_accuracy",
        b"norm_quantile",
        b"refuted",
    ),
    *(b"{kind: fgsm}", b"{kind: pcd}", b"{model: linear}", b"{a: [1, 2]}", b'"{a}"', b'"{model}"', b"[[]]", b"[{}]"),
)

Mutation = Callable[[bytes, random.Random, Sequence[bytes]], bytes]


def _place(text: bytes, rng: random.Random) -> int:
    return rng.randrange(len(text) + 1)


def _insert(text: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:  # noqa: ARG001
    at = _place(text, rng)
    return text[:at] + rng.choice(NASTY) + text[at:]


def _cut(text: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:  # noqa: ARG001
    at = _place(text, rng)
    return text[:at] + text[at + rng.randrange(1, 30) :]


def _flip(text: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:  # noqa: ARG001
    at = _place(text, rng)
    return text[:at] + bytes([rng.randrange(256)]) + text[at + 1 :]


def _replace_value(text: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:  # noqa: ARG001
    return _with_value(text, rng, rng.choice(NASTY))


def _retype_value(text: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:  # noqa: ARG001
    return _with_value(text, rng, rng.choice(PLAIN))


def _borrow_value(text: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    start, end = _value(rng.choice((text, *others)), rng)
    return _with_value(text, rng, text[start:end])


def _drop_line(text: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:  # noqa: ARG001
    lines = text.split(b"\n")
    del lines[rng.randrange(len(lines))]
    return b"\n".join(lines)


def _misspell(text: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:  # noqa: ARG001
    letters = [i for i, byte in enumerate(text) if chr(byte).isalpha()]
    at = rng.choice(letters) if letters else 0
    return text[:at] + text[at + 1 :]


def _with_value(text: bytes, rng: random.Random, value: bytes) -> bytes:
    start, end = _value(text, rng)
    return text[:start] + value + text[end:]


def _value(text: bytes, rng: random.Random) -> tuple[int, int]:
    """Where one of the values after a colon starts and ends."""
    start = max(text.find(b": ", _place(text, rng)), 0) + 2
    stops = (text.find(stop, start) for stop in (b",", b"}", b"\n", b"]"))
    return start, min((stop for stop in stops if stop > 0), default=start)


def _move_line(text: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:  # noqa: ARG001
    lines = text.split(b"\n")
    line = lines.pop(rng.randrange(len(lines)))
    lines.insert(rng.randrange(len(lines) + 1), rng.choice((b"", b"  ", b"\t")) + line)
    return b"\n".join(lines)


def _repeat_lines(text: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:  # noqa: ARG001
    lines = text.split(b"\n")
    start = rng.randrange(len(lines))
    return b"\n".join([*lines, *lines[start : start + rng.randrange(1, 9)]])


def _graft(text: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:
    other = rng.choice(others)
    start = _place(other, rng)
    at = _place(text, rng)
    return text[:at] + other[start : start + rng.randrange(200)] + text[at:]


def _swap_words(text: bytes, rng: random.Random, others: Sequence[bytes]) -> bytes:  # noqa: ARG001
    words = text.split(b" ")
    i, j = rng.randrange(len(words)), rng.randrange(len(words))
    words[i], words[j] = words[j], words[i]
    return b" ".join(words)


MUTATIONS: tuple[Mutation, ...] = (
    *(_insert, _cut, _flip, _replace_value, _move_line, _repeat_lines, _graft, _swap_words),
    *(_retype_value, _retype_value, _retype_value, _borrow_value, _borrow_value, _drop_line, _drop_line),
    *(_misspell, _misspell),
)


def mutated(specs: Sequence[bytes], rng: random.Random) -> bytes:
    """One of the specs with one mutation or a few."""
    text = rng.choice(specs)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        text = rng.choice(MUTATIONS)(text, rng, specs)
    return text
