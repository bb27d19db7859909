"""Outcomes, baselines, arrays and recordings of strangers."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pickle
import random
import struct
import zipfile
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

from qaml.files.checksum import seal
from tests.campaign.faults.attempt import Peace
from tests.campaign.faults.hostile import Hostile, as_file, in_order, touching
from tests.campaign.faults.project import SPEC, Project
from tests.campaign.faults.warm import qaml_command, run
from tests.report.hostile import HOSTILE

NASTY: tuple[Any, ...] = (
    None, True, -1, 0, 10**400, 1e308, float("nan"), float("inf"), "", "x" * 100_000, [], {}, [[]], [None], {"a": {}},
    "../../../etc/passwd", "/etc/passwd", "\ud800", "\x1b[2J", "\u202etxt", "::error::x", "file:///etc/passwd",
    *HOSTILE[:12],
)  # fmt: skip


class Canary:
    """Leaves a canary when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (touching(),)


def every_outcomes(peace: Peace) -> Iterator[Hostile]:
    """``outcomes.json`` with a value or a few replaced, its own checksum mended where it has one; or odd bytes."""
    path = "reports/latest/outcomes.json"
    sound = (peace.project.root / path).read_bytes()
    for i in count():
        source = random.Random(i)
        text = _replaced(sound, source) if i % 3 else _bytes_replaced(sound, source)
        commands = (
            ("report",),
            ("compare", "reports/latest", "reports/latest"),
            ("report", "--output", "reports/again"),
        )
        yield Hostile(f"outcomes {i}", as_file(path, text), commands[i % 3], is_complete=True)


def _replaced(sound: bytes, source: random.Random) -> bytes:
    """Values replaced, at any depth."""
    content = json.loads(sound)
    for _ in range(source.choice((1, 1, 2, 5))):
        parent, name = source.choice(list(_places(content)))
        parent[name] = source.choice(NASTY)
    return _sealed(content)


def _sealed(content: Any) -> bytes:
    """With a checksum of itself that fits: whoever changes a file may do so, too."""
    held = {name: value for name, value in content.items() if name != "checksum"}
    return seal(json.dumps(held, indent=1) + "\n").encode()


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, value in items:
        yield content, name
        yield from _places(value)


def _bytes_replaced(sound: bytes, source: random.Random) -> bytes:
    start = source.randrange(len(sound))
    odd = source.choice(
        (b"", b"\0", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000, b"9" * 5_000, source.randbytes(300))
    )
    return sound[:start] + odd + sound[start + source.randrange(200) :]


def every_baseline(peace: Peace) -> Iterator[Hostile]:
    """A baseline with other values, or with hostile evidence whose checksum fits."""
    made = peace.copy()
    ended = run(qaml_command("baseline", "save", "base.json"), made.root)
    assert ended.code == 0, ended.out
    sound, evidence = (made.root / "base.json").read_bytes(), (made.root / "base.npz").read_bytes()
    made.remove()
    archives = _archives(sound)
    commands = (("baseline", "show", "base.json"), ("baseline", "update", "base.json"))
    for i in count():
        source = random.Random(i)
        if i % 2 and archives:
            name, archive = archives[i // 2 % len(archives)]
        else:
            name, archive = "values", evidence
        content = json.loads(sound if name != "values" else _replaced(sound, source))
        if name != "values":
            content["evidence_sha256"] = hashlib.sha256(archive).hexdigest()
        put = in_order(as_file("base.json", _sealed(content)), as_file("base.npz", archive))
        yield Hostile(f"baseline {i}, {name}", put, commands[i // 2 % 2], is_complete=True)
        if i > 2 * len(archives) + 120:
            return


def _archives(sound: bytes) -> list[tuple[str, bytes]]:
    """Evidence by name of what is odd about it."""
    import numpy as np

    names = [cell["evidence"] for cell in json.loads(sound)["cells"].values()]
    arrays: dict[str, Callable[[], Any]] = {
        "no dimension": lambda: np.float32(1),
        "four dimensions": lambda: np.zeros((1, 2, 3, 4), np.float32),
        "nothing in it": lambda: np.zeros((0, 0), np.float32),
        "text": lambda: np.array(["a" * 10]),
        "complex": lambda: np.ones((1, 4), complex),
        "not a number": lambda: np.full((1, 30), np.nan, np.float32),
        "beyond one": lambda: np.full((1, 30), 7.0, np.float32),
        "other length": lambda: np.ones((1, 3), np.uint8),
        "bits of another length": lambda: np.ones((1, 400), np.uint8),
        "negative": lambda: np.full((1, 30), -1, np.int64),
        "dates": lambda: np.array(["2020-01-01"], "datetime64[D]"),
        "records": lambda: np.zeros(3, [("a", "f4"), ("b", "i4")]),
    }
    found = []
    for what, make in arrays.items():
        for is_index in (False, True):
            content = {name + ".indices" * is_index: make() for name in names}
            other = {name if is_index else f"{name}.indices": np.arange(30, dtype=np.int32) for name in names}
            found.append((f"{what}{' as indices' * is_index}", _npz(content | other)))
    found += [
        ("only indices", _npz({f"{name}.indices": np.arange(3) for name in names})),
        ("only evidence", _npz({name: np.ones((1, 3), np.uint8) for name in names})),
        ("no array", _npz({})),
        ("objects", _zip({f"{name}.npy": _pickled() for name in names})),
        ("a pickle", pickle.dumps(Canary())),
        ("an npy", _npy(np.ones(3))),
        ("junk", random.Random(0).randbytes(5_000)),
        ("empty", b""),
        ("truncated", _npz({name: np.ones((1, 30), np.uint8) for name in names})[:-40]),
        ("a zip bomb", _zip({f"{name}.npy": _header((1, 2 << 30)) + b"\0" * (400 << 20) for name in names[:1]})),
        ("a large shape", _zip({f"{name}.npy": _header((1 << 40, 1 << 20)) for name in names})),
        ("a negative shape", _zip({f"{name}.npy": _header((-1, 4)) for name in names})),
        (
            "a header of code",
            _zip({f"{name}.npy": _raw_header("__import__('os').system('touch canary')") for name in names}),
        ),
        ("a long header", _zip({f"{name}.npy": _raw_header("(" * 60_000) for name in names})),
        ("many entries", _zip({f"a{i}.npy": _npy(np.ones(1)) for i in range(5_000)})),
        ("entries elsewhere", _zip({"../../canary": b"x", "/canary": b"x", "canary": b"x"})),
    ]
    return found


def _npz(arrays: dict[str, Any]) -> bytes:
    import numpy as np

    held = io.BytesIO()
    np.savez_compressed(held, **arrays)
    return held.getvalue()


def _npy(array: Any) -> bytes:
    import numpy as np

    held = io.BytesIO()
    np.save(held, array)
    return held.getvalue()


def _pickled() -> bytes:
    import numpy as np

    held = io.BytesIO()
    np.save(held, np.array([Canary()], object), allow_pickle=True)
    return held.getvalue()


def _header(shape: Sequence[int]) -> bytes:
    return _raw_header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': {tuple(shape)}, }}")


def _raw_header(text: str) -> bytes:
    header = text.encode() + b"\n"
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(header)) + header


def _zip(entries: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return held.getvalue()


def every_array(peace: Peace) -> Iterator[Hostile]:  # noqa: ARG001
    """Recordings, chains and images whose checksum is what the suite says."""
    from tests.campaign.faults.hostile_specs import ZEROS, _pointing

    sound = json.dumps({"cells": {"a": {"evidence": "c0"}}}).encode()
    chains: dict[str, bytes] = {
        "no object": b"[]",
        "no chains": b"{}",
        "deep": b"[" * 100_000,
        "large numbers": b'{"chains": {"0": [' + b"9" * 5_000 + b"]}}",
        "text": b'{"chains": {"0": ["a"]}}',
        "negative": b'{"chains": {"0": [-1], "-4": [2]}}',
        "many": json.dumps({"chains": {str(i): [i] for i in range(200_000)}}).encode(),
        "bytes": b"\xff\xfe\0",
        "nan": b'{"chains": {"0": [NaN]}}',
        "not a mapping": b'{"chains": [[1], [2]]}',
        "colours": b'{"chains": {"0": [1, 1, 1]}, "\\u001b[2J": 1}',
    }
    contents = [("chains", name, content) for name, content in chains.items()]
    contents += [("recording", name, archive) for name, archive in _archives(sound)]
    for kind, name, content in contents:
        text = _pointing("odd")[kind].replace(ZEROS.encode(), hashlib.sha256(content).hexdigest().encode())
        put = in_order(as_file("specs/tiny.yaml", text), as_file("odd", content))
        for command in (("plan",), ("run", "-n", "0", "--claim", "rbm-learns")):
            yield Hostile(f"{kind}: {name}", put, command)
    mnist = SPEC.replace("{kind: moons, n: 100, test_share: 0.4}", "{kind: mnist}").encode()
    for name, content in _idx().items():
        put = in_order(as_file("specs/tiny.yaml", mnist), _as_mnist(content))
        run_it = ("run", "-n", "0", "--claim", "linear-exact")
        yield Hostile(f"images: {name}", put, run_it, {"QAML_DATA": "data"})


def _as_mnist(content: bytes) -> Callable[[Project], None]:
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    return in_order(*(as_file(f"data/mnist/{name}.gz", content) for name in names))


def _idx() -> dict[str, bytes]:
    head = struct.pack(">4I", 0x0803, 60_000, 28, 28)
    return {
        "junk": random.Random(1).randbytes(10_000),
        "empty": b"",
        "empty within": gzip.compress(b""),
        "header alone": gzip.compress(head),
        "a gzip bomb": gzip.compress(head + b"\0" * (900 << 20), compresslevel=1),
        "a large shape": gzip.compress(struct.pack(">4I", 0x0803, 2**32 - 1, 2**32 - 1, 2**32 - 1)),
        "truncated": gzip.compress(head + random.Random(2).randbytes(100_000))[:-50_000],
        "many streams": gzip.compress(b"") * 100_000,
        "other content": gzip.compress(head + bytes(60_000 * 28 * 28)),
    }
