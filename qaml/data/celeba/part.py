"""CelebA: its fields, and what a copy of it must hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from qaml.data.base import DatasetPart
from qaml.data.celeba.lists import Listed
from qaml.data.folder import DATA_VARIABLE, data_folder
from qaml.errors import DataError
from qaml.types import Bounds, Data, InputInfo, Split

FOLDER = "celeba"
IMAGES = "img_align_celeba"
SHOWN = 3
"""Missing images that the error names."""


class CelebA(DatasetPart):
    """Photographs of faces with or without one attribute (Liu, Luo, Wang & Tang 2015); from the user's own copy.

    Inputs are rows 20 … 197 and all columns of the aligned version, shrunk by Pillow's bilinear filter, which is
    antialiased.
    """

    kind: Literal["celeba"] = "celeba"
    attribute: str = Field("Black_Hair", min_length=1)
    """One of the 40 names in the attribute list: class 1 has it, class 0 has not."""
    size: int = Field(32, ge=1, le=178)
    """Height and width of the inputs, in pixels."""
    limit: int | None = Field(None, ge=2, le=1_000_000)
    """The first photographs of each split to take (default: all, which are 162,770 and 19,962)."""

    needs_files: ClassVar[bool] = True

    def describe(self) -> InputInfo:
        """Inputs of shape (3, size, size) in [0, 1]; class 0 is called ``other``, class 1 after the attribute."""
        classes = ("other", self.attribute.replace("_", " ").lower())
        return InputInfo((3, self.size, self.size), classes, Bounds(0.0, 1.0))

    def checksums(self) -> Mapping[str, str]:
        """The dataset's parameters: every user brings a copy, so no checksum pins its content."""
        return {"attribute": self.attribute, "size": str(self.size), "limit": str(self.limit or "none")}

    @property
    def caveat(self) -> str:
        """The warning that nothing pins the content."""
        return "images of CelebA from the user's own copy, whose content is not verified"

    def read(self) -> Data:
        """Partition 0 for training and 2 for testing, each in the order of the partition list.

        ``indices`` count the photographs of the partition.

        Raises:
            DataError: something is missing, damaged or of another size, or a split lacks a class.
        """
        from qaml.data.celeba import lists

        folder = data_folder(FOLDER)
        attributes, partition = self._lists(folder)
        has_attribute, splits = lists.read_attribute(attributes, self.attribute), lists.read_partition(partition)
        train = lists.choose(splits, has_attribute, lists.TRAIN, self.limit, attributes)
        test = lists.choose(splits, has_attribute, lists.TEST, self.limit, attributes)
        self._check(folder, train, test)
        return Data(self._split(folder, train), self._split(folder, test), self.describe())

    def _lists(self, folder: Path) -> tuple[Path, Path]:
        from qaml.data.celeba import lists

        attributes, partition = (lists.find(stem, folder) for stem in (lists.ATTRIBUTES, lists.PARTITION))
        has_images = (folder / IMAGES).is_dir()
        if attributes is not None and partition is not None and has_images:
            return attributes, partition
        expected = {
            f"{IMAGES}/": has_images,
            f"{lists.ATTRIBUTES}.txt": attributes is not None,
            f"{lists.PARTITION}.txt": partition is not None,
        }
        raise _missing(f"{', '.join(name for name, there in expected.items() if not there)} not in {folder}", folder)

    def _check(self, folder: Path, train: Listed, test: Listed) -> None:
        present = {path.name for path in (folder / IMAGES).iterdir()}
        listed = (*train.images, *test.images)
        missing = [image for image in listed if image not in present]
        if missing:
            shown = ", ".join(missing[:SHOWN]) + (", …" if len(missing) > SHOWN else "")
            raise _missing(f"{len(missing)} of {len(listed)} images not in {folder / IMAGES}: {shown}", folder)
        for name, split in (("training", train), ("test", test)):
            n_with, n = sum(split.labels), len(split.labels)
            if n_with in (0, n):
                raise DataError(
                    f"celeba: {n_with} of {n} {name} images have {self.attribute}: a class is empty",
                    "raise or leave out 'limit'",
                )

    def _split(self, folder: Path, listed: Listed) -> Split:
        import numpy as np

        from qaml.data.celeba.images import read_images

        inputs = read_images(folder / IMAGES, listed.images, self.size)
        return Split(inputs, np.array(listed.labels, np.int64), np.arange(len(listed.labels), dtype=np.int64))


def _missing(fault: str, folder: Path) -> DataError:
    return DataError(
        f"celeba: {fault}",
        f"the licence of CelebA forbids passing it on: get it from http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html, "
        f"accept its agreement, and put {IMAGES}/ (000001.jpg …), list_attr_celeba.txt and list_eval_partition.txt "
        f"(or .csv) into {folder}, or set {DATA_VARIABLE} to the folder that holds {FOLDER}/",
    )
