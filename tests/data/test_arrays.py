"""A user's arrays and tables: every format gives the same examples, and what does not fit is refused in words."""

from __future__ import annotations

import json
import math
import os
import struct
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from qaml.data import DatasetPart, load
from qaml.data.arrays import formats
from qaml.data.paste import listed
from qaml.data.stratified import split_off_share, split_off_together
from qaml.errors import DataError, SpecError
from qaml.spec.load import load_text
from qaml.types import Bounds, Data, Split
from tests.data import own
from tests.data.own import ARRAYS, CLASSES, DECLARED, FILES, INPUTS, IS_TEST, LABELS, N, bytes_of, pinned
from tests.hostile_npz import DAMAGES


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    own.write(folder)
    return folder


@pytest.fixture(autouse=True)
def folder(files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder with the files; what a test adds is removed."""
    monkeypatch.chdir(files)
    before = set(files.iterdir())
    yield files
    for path in {*files.iterdir()} - before:
        path.rmdir() if path.is_dir() else path.unlink()


def made(**fields: Any) -> DatasetPart:
    return DatasetPart.model_validate(json.loads(json.dumps({"kind": "arrays", **DECLARED, **fields})))


def new(path: str, content: bytes, **more: Any) -> dict[str, Any]:
    """A file of another content than ``own`` has."""
    Path(path).write_bytes(content)
    FILES[path] = content
    try:
        return pinned(path, **more)
    finally:
        del FILES[path]


def npz(**arrays: Any) -> dict[str, Any]:
    return new("new.npz", bytes_of(np.savez, **arrays))


def refusal(**fields: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(made(**fields))
    return str(caught.value)


def same(data: Data, inputs: Any = INPUTS[:, None], labels: Any = LABELS) -> None:
    for split, chosen in ((data.train, ~IS_TEST), (data.test, IS_TEST)):
        np.testing.assert_array_equal(split.inputs, inputs[chosen])
        np.testing.assert_array_equal(split.labels, labels[chosen])


# --- what is read


@pytest.mark.parametrize("name", ARRAYS)
def test_every_format_holds_the_same_examples(name: str) -> None:
    part = made(**ARRAYS[name])
    data = load(part)
    same(data)
    is_of_two = "split" not in ARRAYS[name]
    places = [np.arange(n) for n in (18, 6)] if is_of_two else [np.flatnonzero(~IS_TEST), np.flatnonzero(IS_TEST)]
    for split, expected in zip((data.train, data.test), places, strict=True):
        np.testing.assert_array_equal(split.indices, expected)
    files = json.dumps(ARRAYS[name]).split('"path": "')[1:]
    assert {each.partition('"')[0] for each in files} == set(part.checksums())


def test_a_delimiter_within_quotes_is_none() -> None:
    rows = "".join(f"{n};{n / 2};{CLASSES[n % 3]}\n" for n in range(6))
    file = new("t.csv", f'"a;b;c";"d,e,f,g";y\n{rows}'.encode(), labels="y")
    data = load(made(file=file, split={"test_share": 0.5}, shape=[2], bounds=[0, 6]))
    np.testing.assert_array_equal(data.test.inputs[:, 0] % 3, data.test.labels)


def test_a_share_keeps_the_classes_and_every_example() -> None:
    data = load(made(file=pinned("xy.npz"), split={"test_share": 0.25, "seed": 3}))
    assert np.bincount(data.test.labels).tolist() == [2, 2, 2]
    places = np.concatenate([data.train.indices, data.test.indices])
    assert sorted(places) == list(range(N))
    np.testing.assert_array_equal(np.concatenate([data.train.inputs, data.test.inputs])[:, 0], INPUTS[places])


def test_equal_inputs_stay_on_one_side() -> None:
    inputs = np.repeat(np.arange(40, dtype=np.float32), 3)[:, None]
    whole = Split(inputs, np.repeat(np.arange(40) % 2, 3), np.arange(120))
    for seed in range(5):
        train, test = split_off_together(whole, 0.25, seed)
        assert set(train.inputs.ravel()) & set(test.inputs.ravel()) == set()
        assert (len(train), len(test)) == (90, 30)
        assert sorted((*train.indices, *test.indices)) == list(range(120))


def test_without_repeated_inputs_the_share_is_the_plain_one() -> None:
    whole = Split(np.arange(50, dtype=np.float32)[:, None], np.arange(50) % 3, np.arange(50))
    for one, other in zip(split_off_together(whole, 0.3, 7), split_off_share(whole, 0.3, 7), strict=True):
        np.testing.assert_array_equal(one.indices, other.indices)


LAYOUTS: list[tuple[Callable[[Any], Any], dict[str, Any]]] = [
    (lambda x: x.reshape(N, 6), {}),
    (lambda x: x[:, None], {}),
    (lambda x: x[..., None], {}),
    (lambda x: x[..., None], {"layout": "hwc"}),
    (lambda x: x.reshape(N, 6), {"layout": "hwc"}),
]


@pytest.mark.parametrize(("change", "fields"), LAYOUTS)
def test_an_axis_of_one_channel_and_rows_of_numbers_are_understood(
    change: Callable[[Any], Any], fields: dict[str, Any]
) -> None:
    same(load(made(file=npz(x=change(INPUTS), y=LABELS, fold=IS_TEST), split=own.FOLD, **fields)))


def test_features_may_be_images() -> None:
    data = load(made(file=pinned("xy.npz"), split=own.FOLD, shape=[6]))
    same(data, INPUTS.reshape(N, 6))


def test_colours_last() -> None:
    colours = np.stack([INPUTS, INPUTS / 2, INPUTS / 4], -1)
    for stored in (colours, colours.reshape(N, -1)):
        file = npz(x=stored, y=LABELS, fold=IS_TEST)
        data = load(made(file=file, split=own.FOLD, shape=[3, 2, 3], layout="hwc"))
        same(data, np.moveaxis(colours, -1, 1))


CLASS_LABELS: list[tuple[Any, Any]] = [
    (LABELS.astype(np.uint8), 3),
    (LABELS.astype(np.float64), 3),
    (LABELS[:, None], 3),
    (np.eye(3)[LABELS], list(CLASSES)),
    (np.eye(3, dtype=bool)[LABELS], 3),
    (LABELS * 10 - 5, [-5, 5, 15]),
    (LABELS + 1, ["1", "2", "3"]),
    (2 - LABELS, [2, 1, 0]),
    (np.array(own.NAMES), list(CLASSES)),
    (LABELS, list(CLASSES)),
]


@pytest.mark.parametrize(("labels", "classes"), CLASS_LABELS)
def test_labels_are_numbers_or_names(labels: Any, classes: Any) -> None:
    part = made(file=npz(x=INPUTS, y=labels, fold=IS_TEST), split=own.FOLD, classes=classes)
    same(load(part))
    names = [str(n) for n in range(3)] if classes == 3 else [str(name) for name in classes]
    assert part.info.classes == tuple(names)


def test_bounds_may_be_open() -> None:
    low, high = -math.inf, math.inf
    for words, bounds in (
        ("none", (low, high)),
        ([None, None], (low, high)),
        ([0, None], (0, high)),
        ([-1, 2], (-1, 2)),
    ):
        part = made(file=pinned("xy.npz"), split=own.FOLD, bounds=words)
        assert part.info.bounds == Bounds(*bounds)
        same(load(part))


def test_states_have_norm_one() -> None:
    states = np.eye(4, dtype=np.float32)[np.arange(N) % 4]
    split = {"test_share": 0.25}
    given = {"split": split, "shape": [4], "bounds": [-1, 1], "states": True}
    data = load(made(file=npz(x=states + np.arange(N)[:, None] * 0, y=LABELS), **given))
    assert data.info.is_state
    assert "states are not normalised" in refusal(file=npz(x=states / 2, y=LABELS), **given)


# --- what is refused

XY = {"x": INPUTS, "y": LABELS, "fold": IS_TEST}
REFUSED: list[tuple[Mapping[str, Any], dict[str, Any], str]] = [
    (
        {"x": INPUTS[:, :1]},
        {},
        "new.npz: inputs have shape [1, 3], declared 'shape: [1, 2, 3]'\n  hint: write 'shape: [1, 1, 3]'",
    ),
    (
        {"x": INPUTS},
        {"shape": [5]},
        "inputs have shape [2, 3], declared 'shape: [5]'\n  hint: write 'shape: [1, 2, 3]'",
    ),
    (
        {"x": np.stack([INPUTS] * 3, -1)},
        {"shape": [3, 2, 3]},
        "inputs have shape [2, 3, 3], declared 'shape: [3, 2, 3]'\n  hint: channels last? write 'layout: hwc'",
    ),
    (
        {"x": np.zeros((N, 5, 5, 3))},
        {},
        "inputs have shape [5, 5, 3], declared 'shape: [1, 2, 3]'\n  hint: write 'shape: [3, 5, 5], layout: hwc'",
    ),
    (
        {"x": np.zeros((N, 1, 2, 3, 4))},
        {},
        "\n  hint: expected one row of numbers, or one image, for each example",
    ),
    ({"x": np.array(1.0)}, {}, "inputs are float64 of shape [], expected rows of numbers"),
    ({"x": np.array(["a"] * N)}, {}, "inputs are <U1 of shape [24], expected rows of numbers"),
    (
        {"x": np.round(INPUTS * 255)},
        {},
        "new.npz: inputs lie in [0, 255], declared 'bounds: [0, 1]'\n  hint: write 'bounds: [0, 255]', and "
        "'transforms: [{kind: normalise, bounds: [0, 1]}]' for [0, 1]",
    ),
    (
        {"x": INPUTS - 0.1},
        {"bounds": [0, None]},
        "inputs lie in [-0.1, 0.9], declared 'bounds: [0, null]'\n  hint: write 'bounds: [-0.1, 0.9]', or what these "
        "numbers can be at most",
    ),
    ({"x": np.where(INPUTS == 1, np.nan, INPUTS)}, {}, "inputs hold NaN or infinities"),
    ({"x": INPUTS[:0], "y": LABELS[:0], "fold": IS_TEST[:0]}, {}, "one example cannot be divided"),
    ({"y": LABELS[1:]}, {}, "new.npz: 23 labels, expected 24: one for each input"),
    ({"y": np.eye(3)[LABELS] / 2}, {}, "array 'y' has shape (24, 3), expected one value an example"),
    ({"y": np.ones((N, 3))}, {}, "array 'y' has shape (24, 3), expected one value an example"),
    (
        {"y": LABELS + 1},
        {"classes": 3},
        "labels are 1, 2, 3, declared 'classes: 3'\n  hint: write 'classes: [1, 2, 3]'",
    ),
    ({"y": LABELS % 2}, {"classes": [1, 2]}, "labels are 0, 1, declared 'classes: [1, 2]'\n  hint: write 'classes: 2'"),
    (
        {"y": np.array(own.NAMES)},
        {"classes": 3},
        "labels are cat, dog, eel, declared 'classes: 3'\n  hint: write 'classes: [cat, dog, eel]'",
    ),
    ({"y": LABELS + 0.5}, {}, "labels are float64, expected whole numbers or names of classes"),
    ({"y": np.where(LABELS == 1, np.nan, LABELS)}, {}, "labels are float64, expected whole numbers"),
    ({"y": LABELS % 2}, {}, "split has no example of 'eel'"),
    (
        {"y": np.array(own.NAMES, object)},
        {},
        "array 'y.npy' holds object, expected numbers (pickled objects are never read)\n  hint: save texts with array",
    ),
    (
        {"fold": IS_TEST * 0},
        {},
        "new.npz: no example is for testing: 'fold' holds 0\n  hint: write 'test:' and the values",
    ),
    ({"fold": np.array(["train"] * N)}, {}, "no example is for testing: 'fold' holds train"),
]


@pytest.mark.parametrize(("arrays", "fields", "message"), REFUSED)
def test_what_does_not_fit_is_named_ready_to_paste(
    arrays: Mapping[str, Any], fields: dict[str, Any], message: str
) -> None:
    assert message in refusal(file=npz(**{**XY, **arrays}), **{"split": own.FOLD, **fields})


def test_arrays_are_listed_where_none_is_meant() -> None:
    text = refusal(file=npz(a=INPUTS, b=LABELS), split={"test_share": 0.5})
    assert text == "new.npz: no array of inputs, such as 'inputs' or 'x'\n  hint: arrays: a, b; write 'inputs: NAME'"
    text = refusal(file=npz(x=INPUTS, y=LABELS))
    assert "no array of test inputs, such as 'inputs_test' or 'x_test'\n  hint: arrays: x, y; write 'split:" in text
    text = refusal(file=npz(x=INPUTS, images=INPUTS, y=LABELS), split={"test_share": 0.5})
    assert "which array holds inputs? x, images\n  hint: write 'inputs: x'" in text
    file = npz(x=INPUTS, y=LABELS) | {"labels": "yy"}
    assert "no array 'yy'" in refusal(file=file, split={"test_share": 0.5})


TABLES: list[tuple[str, dict[str, Any], str]] = [
    ("a,b,y\n1,2,cat\n3,x,dog\n", {}, "t.csv:3: column 'b' holds no number\n  hint: leave the row out"),
    ("a,b,y\n1,2,cat\n3,,dog\n", {}, "t.csv:3: column 'b' holds no number"),
    ("a,b,y\n1,2,cat\n3,4\n", {}, "t.csv:3: 2 cells, expected 3 as in the first row"),
    ("a,b,y\n", {}, "t.csv: the table has no rows below its heading"),
    ("", {}, "t.csv: the table is empty"),
    ("a,b,y\n1,2,cat\n", {"labels": "z"}, "t.csv: no column 'z'\n  hint: columns: a, b, y"),
    ("a,b,y\n1,2,cat\n", {"labels": 3}, "t.csv: no column 3\n  hint: it has 3, from 0"),
    ("a,a,y\n1,2,cat\n", {"inputs": ["a"]}, "t.csv: two columns are called 'a'"),
    ("a,b,y\n1,2,cat\n", {"inputs": ["a", "y"]}, "expected columns of inputs, each once, beside that of the label"),
    ("y\ncat\n", {}, "expected columns of inputs"),
    ("a,b,y\n1,2,\xe9\n", {}, "t.csv: it is no table ("),
    ('a,b,y\n1,"2,cat\n', {}, "t.csv: it is no table (unexpected end of data)"),
    (f"a,b,y\n1,2,{'c' * 200_000}\n", {}, "t.csv: it is no table (field larger than field limit"),
    (
        ",a,y\n0,2,cat\n1,4,dog\n",
        {},
        "t.csv: column 0, called '', is an index: as an input",
    ),
    ("1,5;2,5;y\n1,5;2,5;cat\n", {}, "t.csv: no column 'y'"),
    ("a,b,y\n1,2,cat\n3,4,dog\n5,6,cow\n", {}, "labels are cat, cow, dog, declared 'classes: [cat, dog, eel]'"),
    (
        "a,b,y\n1,nan,cat\n1,2,dog\n1,2,eel\n1,nan,cat\n3,4,dog\n5,6,eel\n",
        {"bounds": "none"},
        "inputs hold NaN or infinities",
    ),
]


@pytest.mark.parametrize(("text", "fields", "message"), TABLES)
def test_rows_that_are_none_are_named(text: str, fields: dict[str, Any], message: str) -> None:
    file = new("t.csv", text.encode("latin-1"), labels=fields.pop("labels", "y"))
    chosen = {"inputs": fields.pop("inputs")} if "inputs" in fields else {}
    assert message in refusal(
        file=file | chosen, split={"test_share": 0.34}, **{"shape": [2], "bounds": [0, 9], **fields}
    )


POSITIONS: list[tuple[str, bytes, str]] = [
    ("p.txt", b"1\n2\nx\n", "p.txt: expected one position a line, a whole number from 0"),
    ("p.txt", b"", "expected positions, one row of whole numbers, got int64 (0,)"),
    ("p.txt", b"1 1 2", "p.txt: the positions repeat\n  hint: expected those of the test examples, each once"),
    ("p.txt", b"3 24", "p.txt: positions lie in 3 … 24, expected 0 … 23\n  hint: they count from 0"),
    ("p.txt", b"-1", "expected one position a line"),
    ("p.txt", b"9" * 30, "expected one position a line"),
    ("p.npy", bytes_of(np.save, np.arange(N)), "p.npy: the positions name all examples"),
    ("p.npy", bytes_of(np.save, np.array([0.5])), "one row of whole numbers, got float64 (1,)"),
    ("p.npy", bytes_of(np.save, np.array([[1, 2]])), "one row of whole numbers, got int64 (1, 2)"),
    ("p.npy", bytes_of(np.save, np.array([-1])), "positions lie in -1 … -1"),
    ("p.npy", b"1\n2\n", "p.npy: it is no npy file"),
]


@pytest.mark.parametrize(("path", "content", "message"), POSITIONS)
def test_positions_that_are_none(path: str, content: bytes, message: str) -> None:
    assert message in refusal(file=pinned("xy.npz"), split={"indices": new(path, content)})


NAMES = ["cat", "true", "a: b", "it's", "3 mice", "-", "NULL", "a, b", "été", "T-shirt/top", "x" * 60]


def test_names_can_be_pasted() -> None:
    from ruamel.yaml import YAML

    assert YAML(typ="safe").load(f"[{listed(NAMES)}]") == [*NAMES[:-1], "x" * 40]
    assert YAML(typ="safe").load(f"[{listed(['-5', '0', '12'])}]") == [-5, 0, 12]
    assert listed([str(n) for n in range(20)]).endswith("10, 11 and 8 more")


# --- hostile files


@pytest.mark.parametrize(
    "name", sorted(DAMAGES.keys() - {"bomb"})
)  # which takes seconds to make: tests/test_npz_file.py
def test_a_hostile_npz_is_refused_in_words(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MOST_BYTES", 1 << 20)
    before = sorted(folder.iterdir())
    file = new("new.npz", DAMAGES[name]({"x": INPUTS, "y": LABELS}))
    assert refusal(file=file, split={"test_share": 0.25}).startswith(("new.npz: ", "dataset 'arrays': "))
    assert sorted({*before, folder / "new.npz"}) == sorted(folder.iterdir())


NO_FILES: dict[str, bytes] = {
    "objects.npy": bytes_of(np.save, np.array([print, None], object)),
    "pickle.npy": b"cos\nsystem\n(S'touch canary'\ntR.",
    "short.npy": FILES["x.npy"][:-1],
    "long.npy": FILES["x.npy"] + b"\0",
    "empty.npy": b"",
    "head.safetensors": struct.pack("<Q", 1 << 60) + b"{}",
    "junk.safetensors": b"\xff" * 400,
    "short.safetensors": FILES["xy.safetensors"][:-1],
    "half.safetensors": save({"inputs": INPUTS}).replace(b'"F32"', b'"BF16"'.ljust(5)),
    "junk.parquet": b"PAR1" + b"\xff" * 400 + b"PAR1",
    "short.parquet": FILES["rows.parquet"][:-9],
    "text.parquet": b"a,b\n1,2\n",
}


@pytest.mark.parametrize("name", NO_FILES)
def test_other_formats_are_not_trusted_either(name: str, folder: Path) -> None:
    labels = pinned("y.npy") if name.endswith("npy") else "animal" if name.endswith("parquet") else None
    assert refusal(file=new(name, NO_FILES[name], labels=labels), split={"test_share": 0.25}).startswith(f"{name}: ")
    assert not (folder / "canary").exists()


def test_every_flipped_byte_of_a_table_is_harmless() -> None:
    content, random = FILES["rows.parquet"], np.random.default_rng(0)
    for place in random.integers(0, len(content), 40):
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(random.integers(8))
        part = made(file=new("f.parquet", bytes(flipped), labels="animal"), split=own.FOLD)
        with suppress(DataError):
            load(part)


@pytest.mark.parametrize("what", ["folder", "pipe", "device", "nothing", "link"])
def test_only_regular_files_are_read(what: str) -> None:
    path = Path("odd.npz")
    match what:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "link":
            path.symlink_to("xy.npz")
    file = pinned("xy.npz") | {"path": "odd.npz"}
    start = time.monotonic()
    if what == "link":
        same(load(made(file=file, split=own.FOLD)))
    else:
        assert refusal(file=file, split=own.FOLD).startswith("odd.npz: cannot be read: ")
    assert time.monotonic() - start < 5


def test_without_polars_parquet_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    assert refusal(**ARRAYS["parquet"]) == (
        "rows.parquet: Parquet needs polars, which is not installed\n"
        "  hint: pip install 'qaml-bench[parquet]', or save the table as CSV"
    )


# --- checksums

SPEC = """\
suite: own
datasets:
  d: {{kind: arrays, {fields}}}
models: {{m: {{kind: linear, dataset: d}}}}
claims:
  - {{id: c, statement: It learns., kind: bound, metric: clean_accuracy, of: {{model: m}}, at_least: 0.5}}
"""


def complaints(fields: str) -> str:
    with pytest.raises(SpecError) as caught:
        load_text(SPEC.format(fields=fields), "own.yaml", "quick")
    return str(caught.value)


def test_a_missing_declaration_names_what_the_file_needs() -> None:
    text = complaints("file: {path: rows.csv, labels: animal}, split: {column: fold, test: 1}")
    sha256 = pinned("rows.csv")["sha256"]
    assert "datasets.d.file.sha256: required field is missing\n" in text
    for hint in (
        f"sha256: {sha256}",
        "found in rows.csv: shape: [6]",
        "found in rows.csv: classes: [cat, dog, eel]",
        "found in rows.csv: bounds: [0, 1], or what these numbers can be at most",
    ):
        assert f"\n  hint: {hint}\n" in text + "\n"
    declared = "shape: [6], classes: [cat, dog, eel], bounds: [0, 1]"
    pasted = f"file: {{path: rows.csv, labels: animal, sha256: {sha256}}}, split: {{column: fold, test: 1}}, {declared}"
    same(load(load_text(SPEC.format(fields=pasted), "own.yaml", "quick").datasets["d"]), INPUTS.reshape(N, 6))


def test_what_keeps_the_file_from_being_seen_is_said() -> None:
    npz(x=INPUTS, y=np.ones((N, 3)))
    text = complaints("file: {path: new.npz}, split: {test_share: 0.5}")
    assert text.count("hint: new.npz: array 'y' has shape (24, 3), expected one value an example\n") == 3
    text = complaints("file: {path: rows.csv, labels: fold}, split: {test_share: 0.5}")
    assert text.count("hint: rows.csv:2: column 'animal' holds no number; leave the row out, or name the columns") == 3


@pytest.mark.parametrize("name", ARRAYS)
def test_a_missing_checksum_of_any_file_is_named(name: str) -> None:
    plain = json.dumps({**DECLARED, **ARRAYS[name]})[1:-1].replace('"', "")
    for path, content in own.FILES.items():
        if f"path: {path}," in plain:
            sha256 = pinned(path)["sha256"]
            without = plain.replace(f"path: {path}, sha256: {sha256}", f"path: {path}")
            assert f"\n  hint: sha256: {sha256}" in complaints(without), content[:10]


def test_a_path_alone_is_answered_with_what_to_write() -> None:
    text = complaints("file: xy.npz, split: {test_share: 0.5}, shape: [6], classes: 3, bounds: none")
    assert "datasets.d.file: expected a path and its checksum\n" in text
    assert f"\n  hint: {{path: xy.npz, sha256: {pinned('xy.npz')['sha256']}}}" in text
    assert "\n  hint: {path: none.npz, sha256: …}" in complaints("file: none.npz, shape: [6], classes: 3, bounds: none")


def test_a_wrong_checksum_names_the_right_one() -> None:
    right, wrong = pinned("xy.npz")["sha256"], "0" * 64
    assert refusal(file={"path": "xy.npz", "sha256": wrong}, split=own.FOLD) == (
        f"xy.npz: wrong checksum: declared SHA-256 {wrong}, found {right}\n"
        f"  hint: if it is the one you mean, write 'sha256: {right}'"
    )
    assert "got 'todo'\n" in (
        text := complaints("file: {path: xy.npz, sha256: todo}, shape: [6], classes: 3, bounds: none")
    )
    assert f"\n  hint: sha256: {right}" in text


SECRETS = {
    "secret.npz": b"hunter2",
    "secret.csv": b"password\nhunter2\n",
    "secret.npy": b"\x93NUMPY",
    "secret.tsv": b"a",
}


@pytest.mark.parametrize("path", SECRETS)
def test_the_checksum_of_another_file_is_not_printed(path: str) -> None:
    sha256 = new(path, SECRETS[path])["sha256"]
    labels = "labels: {path: y.npy, sha256: x}" if path.endswith("npy") else "labels: password"
    text = complaints(f"file: {{path: {path}, {labels}}}, shape: [6], classes: 3, bounds: none")
    assert sha256 not in text
    assert "hint: it cannot be computed: " in text
    file = {"path": path, "sha256": "0" * 64, "labels": pinned("y.npy") if path.endswith("npy") else "password"}
    message = refusal(file=file, split={"test_share": 0.5})
    assert sha256 not in message
    assert "(and it is not the file that was declared by its checksum)" in message
    assert "hunter2" not in text + message
