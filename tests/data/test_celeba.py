"""CelebA from generated photographs in the original layout: the real ones may not be passed on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from qaml.data import DatasetPart, load
from qaml.data.celeba.images import read_images
from qaml.data.celeba.part import CelebA
from qaml.errors import DataError
from qaml.testing.datasets import check_dataset

ATTRIBUTES = ("Bald", "Black_Hair", "Blond_Hair")
ROWS = {
    # image: attributes, split
    "000001.jpg": ((-1, 1, -1), 0),
    "000002.jpg": ((1, -1, -1), 0),
    "000003.jpg": ((-1, 1, -1), 0),
    "000004.jpg": ((-1, -1, 1), 1),
    "000005.jpg": ((-1, -1, 1), 2),
    "000006.jpg": ((-1, 1, -1), 2),
}


def photograph(seed: int) -> Image.Image:
    """Coloured noise in 9 × 11 patches, so that a shrunken photograph still shows it."""
    patches = np.random.default_rng(seed).integers(0, 256, (11, 9, 3), np.uint8)
    return Image.fromarray(patches).resize((178, 218), Image.Resampling.NEAREST)


def write_text_lists(folder: Path) -> None:
    rows = [f"{image} " + "".join(f"{value:3d}" for value in values) for image, (values, _) in ROWS.items()]
    (folder / "list_attr_celeba.txt").write_text("\n".join([str(len(ROWS)), " ".join(ATTRIBUTES) + " ", *rows, ""]))
    (folder / "list_eval_partition.txt").write_text("".join(f"{image} {split}\n" for image, (_, split) in ROWS.items()))


def write_csv_lists(folder: Path) -> None:
    rows = [",".join([image, *map(str, values)]) for image, (values, _) in ROWS.items()]
    (folder / "list_attr_celeba.csv").write_text("\r\n".join([",".join(["image_id", *ATTRIBUTES]), *rows, ""]))
    splits = [f"{image},{split}\n" for image, (_, split) in ROWS.items()]
    (folder / "list_eval_partition.csv").write_text("image_id,partition\n" + "".join(splits))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six JPEGs without lists."""
    monkeypatch.setenv("QAML_DATA", str(tmp_path))
    images = tmp_path / "celeba" / "img_align_celeba"
    images.mkdir(parents=True)
    for number, name in enumerate(ROWS):
        photograph(number).save(images / name, quality=95)
    return tmp_path / "celeba"


@pytest.fixture
def complete(folder: Path) -> Path:
    """The photographs with the original lists."""
    write_text_lists(folder)
    return folder


@pytest.mark.parametrize("write", [write_text_lists, write_csv_lists])
def test_splits_and_labels_follow_the_lists(folder: Path, write: Callable[[Path], None]) -> None:
    write(folder)
    data = load(CelebA())
    assert data.info.classes == ("other", "black hair")
    assert data.train.labels.tolist() == [1, 0, 1]
    assert data.test.labels.tolist() == [0, 1]
    assert data.train.indices.tolist() == [0, 1, 2]
    assert data.test.indices.tolist() == [0, 1]
    assert data.train.inputs.shape == (3, 3, 32, 32)


@pytest.mark.usefixtures("complete")
def test_it_is_a_dataset() -> None:
    check_dataset(CelebA(size=8))


@pytest.mark.usefixtures("complete")
def test_limit_takes_the_first_of_each_split() -> None:
    whole, part = load(CelebA(size=8)), load(CelebA(size=8, limit=2))
    np.testing.assert_array_equal(part.train.inputs, whole.train.inputs[:2])
    np.testing.assert_array_equal(part.test.inputs, whole.test.inputs[:2])
    assert len(part.train) == len(part.test) == 2


def triangle(n_from: int, n_to: int) -> NDArray[np.float64]:
    """Weights of the bilinear filter widened by the ratio: a triangle around each new pixel's centre."""
    ratio = n_from / n_to
    centres = (np.arange(n_to)[:, None] + 0.5) * ratio
    weights: NDArray[np.float64] = np.clip(1 - np.abs(np.arange(n_from) + 0.5 - centres) / max(ratio, 1), 0, None)
    weights /= weights.sum(1, keepdims=True)
    return weights


@pytest.mark.parametrize("size", [1, 7, 32, 178])
def test_pixels_are_the_antialiased_square(tmp_path: Path, size: int) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (218, 178, 3), np.uint8)
    # lossless, whatever the name says, so that the values are known
    Image.fromarray(pixels).save(tmp_path / "x.jpg", format="png")
    found = read_images(tmp_path, ["x.jpg"], size)[0]
    weights = triangle(178, size)
    expected = weights @ pixels[20:198].transpose(2, 0, 1).astype(np.float64) @ weights.T
    # Pillow rounds to whole levels after either direction
    np.testing.assert_allclose(found * 255, expected, atol=1.01 if size < 178 else 1e-4)


@pytest.mark.parametrize(
    ("absent", "named"),
    [
        ("list_attr_celeba.txt", "list_attr_celeba.txt"),
        ("list_eval_partition.txt", "list_eval_partition.txt"),
        ("img_align_celeba", "img_align_celeba/"),
    ],
)
def test_what_is_missing_is_named_with_where_to_get_it(complete: Path, absent: str, named: str) -> None:
    (complete / absent).rename(complete / "elsewhere")
    with pytest.raises(DataError) as caught:
        load(CelebA())
    assert caught.value.message == f"celeba: {named} not in {complete}"
    for word in ("licence", "http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html", str(complete), "QAML_DATA"):
        assert word in caught.value.hint


def test_the_first_missing_photographs_are_named(complete: Path) -> None:
    for name in ("000001.jpg", "000003.jpg", "000005.jpg", "000006.jpg"):
        (complete / "img_align_celeba" / name).unlink()
    with pytest.raises(DataError) as caught:
        load(CelebA())
    folder = complete / "img_align_celeba"
    assert caught.value.message == f"celeba: 4 of 5 images not in {folder}: 000001.jpg, 000003.jpg, 000005.jpg, …"


def test_photographs_that_no_split_needs_may_be_absent(complete: Path) -> None:
    (complete / "img_align_celeba" / "000004.jpg").unlink()
    assert len(load(CelebA(size=4)).train) == 3


@pytest.mark.parametrize("content", [b"", b"<html>", b"half"], ids=["empty", "page", "truncated"])
def test_an_unreadable_photograph_is_named(complete: Path, content: bytes) -> None:
    path = complete / "img_align_celeba" / "000002.jpg"
    path.write_bytes(path.read_bytes()[:2000] if content == b"half" else content)
    with pytest.raises(DataError, match=r"000002\.jpg: not a readable image") as caught:
        load(CelebA())
    assert caught.value.hint == "put an intact copy there"


def test_a_photograph_of_another_size_is_named(complete: Path) -> None:
    path = complete / "img_align_celeba" / "000002.jpg"
    photograph(1).resize((64, 64)).save(path)
    with pytest.raises(DataError) as caught:
        load(CelebA())
    assert caught.value.message == f"{path}: expected a photograph 178 wide and 218 high, got 64×64"


@pytest.mark.usefixtures("complete")
def test_an_unknown_attribute_is_answered_with_a_near_one() -> None:
    with pytest.raises(DataError) as caught:
        load(CelebA(attribute="black_hair"))
    assert caught.value.message == "celeba: unknown attribute 'black_hair'"
    assert caught.value.hint == "did you mean 'Black_Hair'? attributes: Bald, Black_Hair, Blond_Hair"


@pytest.mark.usefixtures("complete")
def test_a_class_without_photographs_is_refused() -> None:
    with pytest.raises(DataError, match="0 of 3 training images have Blond_Hair: a class is empty"):
        load(CelebA(attribute="Blond_Hair"))


@pytest.mark.parametrize(
    ("name", "old", "new", "fault"),
    [
        ("list_attr_celeba.txt", "6\n", "7\n", ":1: 7 images are announced, got 6"),
        ("list_attr_celeba.txt", "6\n", "", ":1: expected the number of images, then a line of attribute names"),
        (
            "list_attr_celeba.txt",
            "000002.jpg   1 -1 -1",
            "000002.jpg 1 -1",
            ":4: expected a file name and 3 values, got 2",
        ),
        (
            "list_attr_celeba.txt",
            "000002.jpg   1 -1",
            "000002.jpg   1 0",
            ":4: expected 1 or -1 for Black_Hair, got '0'",
        ),
        ("list_attr_celeba.txt", "000006.jpg", "000007.jpg", ": no line about 000006.jpg"),
        ("list_attr_celeba.txt", "000003.jpg", "000002.jpg", ":5: 000002.jpg is listed twice"),
        ("list_eval_partition.txt", "000002.jpg 0", "000002.jpg 3", ":2: expected a file name and 0, 1 or 2, got 3"),
        (
            "list_eval_partition.txt",
            "000002.jpg 0",
            "000002.jpg",
            ":2: expected a file name and 0, 1 or 2, got nothing",
        ),
    ],
)
def test_a_damaged_list_is_told_with_its_line(complete: Path, name: str, old: str, new: str, fault: str) -> None:
    path = complete / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DataError) as caught:
        load(CelebA())
    assert caught.value.message.startswith(f"{path}{fault}")
    assert caught.value.hint == "put an intact copy of the list there"


def test_a_list_that_is_no_text_is_a_data_error(complete: Path) -> None:
    (complete / "list_attr_celeba.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"list_attr_celeba\.txt: not a text file"):
        load(CelebA())


def test_parameters_stand_for_checksums_and_the_caveat_says_so() -> None:
    part = DatasetPart.model_validate({"kind": "celeba", "attribute": "Smiling", "limit": 100})
    assert part.checksums() == {"attribute": "Smiling", "size": "32", "limit": "100"}
    assert "not verified" in part.caveat
    assert part.info.classes == ("other", "smiling")
