"""MNIST and Fashion-MNIST: IDX files from a data folder, or downloaded into it."""

from __future__ import annotations

import os
from abc import ABC
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from qaml.data.base import DatasetPart
from qaml.data.folder import DATA_VARIABLE, MIRROR_VARIABLE, data_folder
from qaml.data.idx_file import IdxFile
from qaml.errors import DataError
from qaml.types import Bounds, Data, InputInfo, Split


class IdxFiles(NamedTuple):
    """The four files of a dataset."""

    train_images: IdxFile
    train_labels: IdxFile
    test_images: IdxFile
    test_labels: IdxFile


def _of_mnist(train_images: str, train_labels: str, test_images: str, test_labels: str) -> IdxFiles:
    """Files of MNIST's names and shapes, by their checksums."""
    return IdxFiles(
        IdxFile("train-images-idx3-ubyte", (60_000, 28, 28), train_images),
        IdxFile("train-labels-idx1-ubyte", (60_000,), train_labels),
        IdxFile("t10k-images-idx3-ubyte", (10_000, 28, 28), test_images),
        IdxFile("t10k-labels-idx1-ubyte", (10_000,), test_labels),
    )


class IdxDataset(DatasetPart, ABC):
    """Grey images in IDX files, scaled to [0, 1]."""

    needs_files: ClassVar[bool] = True
    folder_name: ClassVar[str]
    """Name of the folder below the data folder, and below a mirror of the user's own."""
    files: ClassVar[IdxFiles]
    classes: ClassVar[tuple[str, ...]]
    mirrors: ClassVar[tuple[str, ...]]

    def describe(self) -> InputInfo:
        """Inputs of shape (1, height, width) in [0, 1]."""
        return InputInfo((1, *self.files.train_images.shape[1:]), self.classes, Bounds(0.0, 1.0))

    def checksums(self) -> Mapping[str, str]:
        """File → SHA-256 of its uncompressed bytes."""
        return {file.name: file.sha256 for file in self.files}

    @property
    def folder(self) -> Path:
        """The folder in which the files are looked for: below ``$QAML_DATA``, or below the user's cache folder."""
        return data_folder(self.folder_name)

    def read(self) -> Data:
        """The dataset in its published order, downloaded first where files are missing.

        Raises:
            DataError: a file is damaged, or missing and no mirror delivered it.
        """
        files = self.files
        train = self._split(files.train_images, files.train_labels)
        return Data(train, self._split(files.test_images, files.test_labels), self.describe())

    def _split(self, images: IdxFile, labels: IdxFile) -> Split:
        import numpy as np

        pixels = images.read(self._locate(images))[:, None]
        inputs = pixels.astype(np.float32)
        inputs /= np.float32(255)
        return Split(inputs, labels.read(self._locate(labels)).astype(np.int64), np.arange(len(pixels), dtype=np.int64))

    def _locate(self, file: IdxFile) -> Path:
        folder = self.folder
        if (path := file.find(folder)) is not None:
            return path
        from qaml.data.download import fetch

        configured = os.environ.get(MIRROR_VARIABLE, "").split()
        mirrors = tuple(f"{mirror.rstrip('/')}/{self.folder_name}" for mirror in configured) or self.mirrors
        try:
            return fetch(file, folder, mirrors)
        except DataError as error:
            names = ", ".join(f.name for f in self.files)
            raise DataError(
                f"{self.kind}: {file.name} is not in {folder}, and could not be downloaded: {error.message}",
                f"put {names} (plain or .gz) into {folder}, or set {DATA_VARIABLE} to the folder that holds "
                f"{self.folder_name}/, or {MIRROR_VARIABLE} to a mirror that can be reached",
            ) from error


class Mnist(IdxDataset):
    """Handwritten digits, 28×28, 60,000 for training and 10,000 for testing (LeCun, Cortes & Burges 1998)."""

    kind: Literal["mnist"] = "mnist"

    folder_name: ClassVar[str] = "mnist"
    classes: ClassVar[tuple[str, ...]] = tuple("0123456789")
    mirrors: ClassVar[tuple[str, ...]] = (
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    )
    files: ClassVar[IdxFiles] = _of_mnist(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    )


class FashionMnist(IdxDataset):
    """Photographs of clothes, 28×28, 60,000 for training and 10,000 for testing (Xiao, Rasul & Vollgraf 2017)."""

    kind: Literal["fashion_mnist"] = "fashion_mnist"

    folder_name: ClassVar[str] = "fashion-mnist"
    classes: ClassVar[tuple[str, ...]] = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
    mirrors: ClassVar[tuple[str, ...]] = (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
    )
    files: ClassVar[IdxFiles] = _of_mnist(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    )
