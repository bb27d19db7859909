"""A user's folder of images: what is read, how it is pinned, and what is refused."""

from __future__ import annotations

import io
import json
import os
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from qaml.data import DatasetPart, load
from qaml.data.images import pictures, tree
from qaml.errors import DataError, SpecError
from qaml.spec.load import load_text
from qaml.types import Bounds, Data, InputInfo

RANDOM = np.random.default_rng(0)
CLASSES = ("cat", "dog")
PIXELS = {
    f"{group}/{name}/{k}.png": RANDOM.integers(0, 256, (6, 8, 3), np.uint8)
    for group, n in (("train", 4), ("test", 2))
    for name in CLASSES
    for k in range(n)
}


def png(pixels: Any, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six images a class, in folders of a split (``pets``)."""
    monkeypatch.chdir(tmp_path)
    for name, pixels in PIXELS.items():
        path = tmp_path / "pets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(pixels))
    return tmp_path / "pets"


def made(sha256: str = "0" * 64, **fields: Any) -> DatasetPart:
    given = {"folder": "pets", "classes": list(CLASSES), "size": [6, 8], "colour": "rgb", "sha256": sha256, **fields}
    return DatasetPart.model_validate({"kind": "images", **given})


def right(**fields: Any) -> str:
    """The checksum that the error about a wrong one names."""
    with pytest.raises(DataError, match="wrong checksum") as caught:
        load(made(**fields))
    return str(caught.value.hint).rpartition("sha256: ")[2].removesuffix("'")


def loaded(**fields: Any) -> Data:
    return load(made(right(**fields), **fields))


def refusal(**fields: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(made(**fields))
    return str(caught.value)


@pytest.mark.usefixtures("folder")
def test_pixels_of_the_same_size_are_unchanged() -> None:
    data = loaded()
    assert data.info == InputInfo((3, 6, 8), CLASSES, Bounds(0.0, 1.0))
    for group, split in (("train", data.train), ("test", data.test)):
        names = sorted(name for name in PIXELS if name.startswith(group))
        expected = np.stack([PIXELS[name] for name in names]).transpose(0, 3, 1, 2) / np.float32(255)
        np.testing.assert_array_equal(split.inputs, expected)
        assert split.labels.tolist() == [CLASSES.index(name.split("/")[1]) for name in names]
        assert split.indices.tolist() == list(range(len(names)))


@pytest.mark.usefixtures("folder")
def test_other_sizes_and_colours_are_pillows() -> None:
    data = loaded(size=3, colour="grey")
    assert data.info.shape == (1, 3, 3)
    image = Image.fromarray(PIXELS["train/cat/0.png"]).convert("L").resize((3, 3), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(data.train.inputs[0, 0], np.asarray(image) / np.float32(255))


def test_a_share_of_one_folder(folder: Path) -> None:
    share = {"folder": "pets/train", "split": {"test_share": 0.25, "seed": 1}}
    data = loaded(**share)
    assert np.bincount(data.test.labels).tolist() == [1, 1]
    assert sorted((*data.train.indices, *data.test.indices)) == list(range(8))
    (folder / "other").mkdir()
    assert loaded(**share).info == data.info


def test_folders_of_a_split_may_have_other_names(folder: Path) -> None:
    (folder / "test").rename(folder / "val")
    assert len(loaded(test="val").test) == 4


def test_formats_give_the_same_pixels(folder: Path) -> None:
    for name, kind in (("0.bmp", "BMP"), ("1.tif", "TIFF"), ("2.gif", "GIF"), ("3.PPM", "PPM")):
        pixels = PIXELS[f"train/cat/{name[0]}.png"] // 64 * 64 if kind == "GIF" else PIXELS[f"train/cat/{name[0]}.png"]
        (folder / "train" / "cat" / f"{name[0]}.png").unlink()
        (folder / "train" / "cat" / name).write_bytes(png(pixels, kind))
    data = loaded()
    for place in (0, 1, 3):
        expected = PIXELS[f"train/cat/{place}.png"].transpose(2, 0, 1) / np.float32(255)
        np.testing.assert_array_equal(data.train.inputs[place], expected)


OPAQUE = np.dstack([PIXELS["train/cat/0.png"], np.full((6, 8), 255, np.uint8)])


def test_an_opaque_fourth_channel_is_dropped(folder: Path) -> None:
    before = loaded()
    (folder / "train" / "cat" / "0.png").write_bytes(png(OPAQUE))
    np.testing.assert_array_equal(loaded().train.inputs, before.train.inputs)


# --- the digest


@pytest.mark.skipif(sys.platform != "linux", reason="a command of GNU's tools")
def test_the_digest_is_that_of_the_documented_command(folder: Path) -> None:
    (folder / ".hidden").write_text("x")
    (folder / "train" / "dog" / ".DS_Store").write_text("x")
    command = (
        "find train test -name '.*' -prune -o -type f -print | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum"
    )
    assert command in (Path(__file__).parents[2] / "docs" / "data.md").read_text("utf-8")
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=True)
    assert right() == done.stdout.split()[0]


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda folder: (folder / "train" / "cat" / "0.png").write_bytes(png(PIXELS["train/cat/1.png"])),
    "name": lambda folder: (folder / "train" / "cat" / "0.png").rename(folder / "train" / "cat" / "9.png"),
    "class": lambda folder: (folder / "train" / "cat" / "0.png").rename(folder / "train" / "dog" / "9.png"),
    "one less": lambda folder: (folder / "test" / "dog" / "0.png").unlink(),
    "one more": lambda folder: (folder / "test" / "dog" / "7.png").write_bytes(png(PIXELS["train/cat/1.png"])),
}


@pytest.mark.parametrize("name", CHANGES)
def test_any_change_is_noticed(name: str, folder: Path) -> None:
    before = right()
    load(made(before))
    CHANGES[name](folder)
    assert "pets: wrong checksum: declared SHA-256" in refusal(sha256=before)
    assert right() != before


@pytest.mark.usefixtures("folder")
def test_a_missing_declaration_is_named_ready_to_paste() -> None:
    with pytest.raises(SpecError) as caught:
        load_text(
            "suite: own\ndatasets: {d: {kind: images, folder: pets}}\nmodels: {m: {kind: linear, dataset: d}}\n"
            "claims: [{id: c, statement: s, kind: bound, metric: clean_accuracy, of: {model: m}, at_least: 0.5}]\n",
            "own.yaml",
            "quick",
        )
    hints = [problem.hint for problem in caught.value.problems]
    assert hints == [
        f"sha256: {right()}",
        "found in pets/train: classes: [cat, dog]",
        "found in pets/test/cat/0.png: size: [6, 8]",
        "found in pets/test/cat/0.png: colour: rgb",
    ]


# --- what is refused


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def headed(width: int, height: int, depth: int = 8, colour: int = 2, data: bytes = b"") -> bytes:
    """A PNG file that says of itself what it likes."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


SOUND = png(PIXELS["train/cat/0.png"])
BROKEN: dict[str, tuple[bytes, str]] = {
    "0.png": (b"", "not a readable image (no image of a known format)"),
    "1.png": (SOUND[: len(SOUND) // 2], "not a readable image ("),
    "2.png": (b"<svg/>", "not a readable image (no image of a known format)"),
    "3.png": (headed(100_000, 100_000), "not a readable image (Image size (10000000000 pixels) exceeds limit"),
    "4.png": (headed(7072, 7072), "7072×7072 pixels, expected at most 50,000,000"),
    "5.png": (headed(8, 6, depth=16, colour=0, data=bytes(17 * 6)), "pixels of the kind 'I;16'"),
    "6.png": (headed(0, 6), "not a readable image ("),
    "7.png": (headed(8, 6, data=b"short"), "not a readable image ("),
    "8.png": (png(OPAQUE - np.eye(6, 8, dtype=np.uint8)[..., None]), "some pixels are transparent"),
    "9.jpg": (png(PIXELS["train/cat/0.png"], "JPEG")[:-200], "not a readable image ("),
    "10.gif": (b"GIF89a" + bytes(40), "not a readable image ("),
    "11.png": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not a readable image (no image of a known format)"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_image_is_named(name: str, folder: Path) -> None:
    content, message = BROKEN[name]
    (folder / "train" / "dog" / f"x{name}").write_bytes(content)
    assert refusal().startswith(f"pets/train/dog/x{name}: {message}")


def test_several_images_in_one_file(folder: Path) -> None:
    frames = [Image.fromarray(PIXELS[f"train/cat/{k}.png"]) for k in range(2)]
    frames[0].save(folder / "train" / "dog" / "x.gif", save_all=True, append_images=frames[1:])
    assert refusal().startswith("pets/train/dog/x.gif: several images in one file, expected one")


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (lambda dog: (dog / "labels.csv").write_text("a"), "pets/train/dog/labels.csv: no image by its name"),
    "no ending": (lambda dog: (dog / "image").write_text("a"), "pets/train/dog/image: no image by its name"),
    "folder": (lambda dog: (dog / "more").mkdir(), "pets/train/dog/more: a folder among the images of a class"),
    "link": (lambda dog: (dog / "x.png").symlink_to("0.png"), "pets/train/dog/x.png: a link\n  hint: links may lead"),
    "linked folder": (lambda dog: (dog.parent / "eel").symlink_to("dog"), "pets/train/eel: a link"),
    "pipe": (lambda dog: os.mkfifo(dog / "x.png"), "pets/train/dog/x.png: cannot be read: Not a regular file"),
    "line break": (lambda dog: (dog / "a\nb.png").write_text("a"), "pets/train/dog: a file is called 'a\\nb.png'"),
    "no text": (lambda dog: Path(os.fsdecode(bytes(dog) + b"/\xff.png")).touch(), "a file is called '\\udcff.png'"),
    "another class": (
        lambda dog: (dog.parent / "eel").mkdir(),
        "train: folders are cat, dog, eel, declared 'classes: [cat, dog]'\n  hint: write 'classes: [cat, dog, eel]'",
    ),
    "no such class": (lambda dog: shutil.rmtree(dog), "pets/train: folders are cat, declared 'classes: [cat, dog]'"),
    "no split": (lambda dog: shutil.rmtree(dog.parent), "pets/train: cannot be read: No such file or directory"),
    "no folder": (lambda dog: shutil.rmtree(dog.parents[1]), "pets/train: cannot be read: No such file or directory"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_image_is_named(name: str, folder: Path) -> None:
    change, message = ODD[name]
    change(folder / "train" / "dog")
    assert message in refusal()


def test_a_class_without_images(folder: Path) -> None:
    for each in (folder / "train" / "dog").iterdir():
        each.unlink()
    assert "training split has no example of 'dog'" in refusal(sha256=right())


@pytest.mark.usefixtures("folder")
def test_a_split_where_there_are_folders_of_one() -> None:
    assert refusal(split={"test_share": 0.5}) == (
        "pets: folders are test, train, declared 'classes: [cat, dog]'\n"
        "  hint: leave 'split' out where 'train' and 'test' hold the folders of the classes"
    )


def test_sizes_and_counts_are_limited(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_BYTES", 1000)
    assert (
        "12 images of this size take 6,912 bytes, expected at most 1,000\n  hint: choose a smaller 'size'" in refusal()
    )
    monkeypatch.setattr(tree, "MOST_IMAGES", 5)
    assert refusal() == "pets: too many images, expected at most 5"
    monkeypatch.undo()
    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr(pictures, "MOST_FILE_BYTES", 100)
    assert "pets/test/cat/0.png: cannot be read: Too large, expected at most 100 bytes" in refusal()


def test_the_digest_of_what_is_no_image_is_not_printed(folder: Path) -> None:
    (folder / "train" / "dog" / "x.png").write_text("hunter2")
    text = json.dumps(made().model_dump(mode="json", exclude={"transforms"}) | {"sha256": "todo"})
    with pytest.raises(SpecError) as caught:
        load_text(f"suite: x\ndatasets: {{d: {text}}}\nclaims: []\n", "x.yaml", "quick")
    assert "hint: it cannot be computed: pets/train/dog/x.png: not a readable image" in str(caught.value)
