"""What a dataset and a transform are, and the tables of the built-in ones."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import reduce
from typing import ClassVar, Self

from qaml.registry import Part, Registry
from qaml.types import Data, InputInfo

DATASETS: Registry["DatasetPart"] = Registry(
    "dataset",
    "qaml.datasets",
    {
        "digits": "qaml.data.digits:Digits",
        "moons": "qaml.data.moons:Moons",
        "mnist": "qaml.data.idx:Mnist",
        "fashion_mnist": "qaml.data.idx:FashionMnist",
        "cifar2": "qaml.data.cifar2:Cifar2",
        "celeba": "qaml.data.celeba.part:CelebA",
    },
)
TRANSFORMS: Registry["TransformPart"] = Registry(
    "transform",
    "qaml.transforms",
    {
        "downscale": "qaml.data.transforms:Downscale",
        "binarise": "qaml.data.transforms:Binarise",
        "select_classes": "qaml.data.transforms:SelectClasses",
        "subset": "qaml.data.transforms:Subset",
        "normalise": "qaml.data.transforms:Normalise",
    },
)


class TransformPart(Part, ABC):
    """A pure function from a dataset to a dataset; the same for training and test data."""

    @abstractmethod
    def describe(self, info: InputInfo) -> InputInfo:
        """The description of the transformed inputs.

        Raises:
            PartError: the transform does not fit inputs of this description.
        """

    @abstractmethod
    def apply(self, data: Data) -> Data:
        """The transformed dataset; ``indices`` still name the original examples."""

    def for_testing(self) -> Self | None:
        """What of it changes test data: itself, or nothing."""
        return self


class DatasetPart(Part, ABC):
    """A source of labelled inputs with a declared description and checksum."""

    transforms: tuple[TransformPart, ...] = ()
    """Applied in order after loading."""

    needs_files: ClassVar[bool] = False
    """Whether data must be on disk or downloaded (then tests that need them carry a marker)."""

    @abstractmethod
    def describe(self) -> InputInfo:
        """The description of the inputs before any transform; reads no file and imports no heavy library."""

    @abstractmethod
    def checksums(self) -> Mapping[str, str]:
        """What pins the content: file → SHA-256 of its uncompressed bytes, or of the generated arrays.

        Where a generator has no declared arrays (other parameters than the default ones), its parameters instead.
        Reads no file and imports no heavy library.
        """

    @abstractmethod
    def read(self) -> Data:
        """The dataset before any transform, verified against ``checksums``.

        Raises:
            DataError: files are missing, damaged, or not what was declared.
        """

    @property
    def caveat(self) -> str:
        """What a reader of every number on this dataset must know, such as a deviation from the published one."""
        return ""

    @property
    def tested(self) -> Self:
        """The same dataset where only its test data matter: models that saw different shares of it meet there."""
        kept = tuple(part for transform in self.transforms if (part := transform.for_testing()) is not None)
        return self.model_copy(update={"transforms": kept})

    @property
    def info(self) -> InputInfo:
        """The description of the inputs after every transform."""
        return reduce(lambda info, transform: transform.describe(info), self.transforms, self.describe())


DATASETS.bind(DatasetPart)
TRANSFORMS.bind(TransformPart)


def load(part: DatasetPart) -> Data:
    """Read a dataset and apply its transforms in order; every call reads anew.

    Raises:
        DataError: files are missing or damaged, or a transform asks for more examples than there are.
        PartError: a transform does not fit the dataset.
    """
    return reduce(lambda data, transform: transform.apply(data), part.transforms, part.read())
