"""A user's files with known content, in every format, and the datasets that name them: the bytes are made in memory."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars
from PIL import Image
from safetensors.numpy import save

from qaml.data.images import tree

_random = np.random.default_rng(0)
N = 24
CLASSES = ("cat", "dog", "eel")
INPUTS = _random.integers(0, 9, (N, 2, 3)).astype(np.float32) / 8
LABELS = np.arange(N) % 3
NAMES = [CLASSES[label] for label in LABELS]
IS_TEST = np.arange(N) % 4 == 1


def bytes_of(write: Callable[..., Any], *arguments: Any, **named: Any) -> bytes:
    stream = io.BytesIO()
    write(stream, *arguments, **named)
    return stream.getvalue()


def table(delimiter: str = ",", heading: bool = True) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, delimiter=delimiter)
    if heading:
        rows.writerow([*"abcdef", "animal", "fold"])
    for row, name, is_test in zip(INPUTS.reshape(N, 6), NAMES, IS_TEST, strict=True):
        rows.writerow([*map(float, row), name, int(is_test)])
    return text.getvalue().encode()


FILES: dict[str, bytes] = {
    "xy.npz": bytes_of(np.savez_compressed, x=INPUTS, y=LABELS, fold=IS_TEST),
    "names.npz": bytes_of(np.savez, inputs=INPUTS.astype(np.float64), labels=np.array(NAMES), fold=IS_TEST),
    "four.npz": bytes_of(
        np.savez,
        x_train=INPUTS[~IS_TEST],
        y_train=LABELS[~IS_TEST],
        x_test=INPUTS[IS_TEST],
        y_test=LABELS[IS_TEST],
    ),
    "train.npz": bytes_of(np.savez, x=INPUTS[~IS_TEST], y=LABELS[~IS_TEST]),
    "test.npz": bytes_of(np.savez, x=INPUTS[IS_TEST], y=LABELS[IS_TEST]),
    "x.npy": bytes_of(np.save, INPUTS),
    "y.npy": bytes_of(np.save, LABELS.astype(np.uint8)[:, None]),
    "place.npy": bytes_of(np.save, np.flatnonzero(IS_TEST)[::-1]),
    "place.txt": "\n".join(map(str, np.flatnonzero(IS_TEST))).encode(),
    "xy.safetensors": save({"images": INPUTS, "target": LABELS, "fold": IS_TEST}),
    "rows.csv": table(),
    "rows.tsv": table("\t"),
    "semicolons.csv": b"\xef\xbb\xbf" + table(";"),
    "bare.csv": table(heading=False),
    "rows.parquet": bytes_of(lambda stream: polars.read_csv(table()).write_parquet(stream)),
}


IMAGES = {
    f"pets/{group}/{name}/{k}.png": _random.integers(0, 256, (5, 6), np.uint8)
    for group, n in (("train", 4), ("test", 2))
    for name in CLASSES
    for k in range(n)
}
FILES |= {
    path: bytes_of(lambda stream, p=pixels: Image.fromarray(p).save(stream, "PNG")) for path, pixels in IMAGES.items()
}


def pinned(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "sha256": hashlib.sha256(FILES[path]).hexdigest(), **more}


def write(folder: Path) -> None:
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


DECLARED: Mapping[str, Any] = {"shape": [1, 2, 3], "classes": list(CLASSES), "bounds": [0, 1]}
PETS = tree.digest((path.partition("/")[2], pinned(path)["sha256"]) for path in sorted(IMAGES))
FOLD = {"column": "fold", "test": [1]}
ARRAYS: dict[str, dict[str, Any]] = {
    "npz": {"file": pinned("xy.npz"), "split": FOLD},
    "npz of names": {"file": pinned("names.npz"), "split": FOLD},
    "npz with four arrays": {"file": pinned("four.npz")},
    "two npz": {"file": pinned("train.npz"), "test_file": pinned("test.npz")},
    "named": {
        "file": pinned("four.npz", inputs="x_train", labels="y_train"),
        "test_file": pinned("four.npz", inputs="x_test", labels="y_test"),
    },
    "npy": {"file": pinned("x.npy", labels=pinned("y.npy")), "split": {"indices": pinned("place.npy")}},
    "safetensors": {"file": pinned("xy.safetensors"), "split": FOLD},
    "csv": {"file": pinned("rows.csv", labels="animal"), "split": FOLD},
    "csv by position": {"file": pinned("rows.csv", labels=-2), "split": {"column": 7, "test": 1}},
    "csv without heading": {"file": pinned("bare.csv", labels=6), "split": {"column": -1, "test": ["1"]}},
    "semicolons": {
        "file": pinned("semicolons.csv", labels="animal", inputs=list("abcdef")),
        "split": {"indices": pinned("place.txt")},
    },
    "tabs": {"file": pinned("rows.tsv", labels="animal"), "split": FOLD},
    "parquet": {"file": pinned("rows.parquet", labels="animal"), "split": FOLD},
}
"""What a spec says of the files; every one means the same examples."""

EXAMPLES: dict[str, list[Mapping[str, Any]]] = {
    "arrays": [
        {**DECLARED, **ARRAYS["csv"]},
        {**DECLARED, "file": pinned("xy.npz"), "split": {"test_share": 0.25, "seed": 1}, "bounds": [0, None]},
    ],
    "images": [
        {"folder": "pets", "sha256": PETS, "classes": list(CLASSES), "size": [5, 6], "colour": "grey"},
        {"folder": "pets", "sha256": PETS, "classes": list(CLASSES), "size": 4, "colour": "rgb"},
    ],
}
"""Kind → fields of datasets that can be read where ``write`` has written."""
