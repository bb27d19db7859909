"""What a dataset and a transform are, and the tables of the built-in ones."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import reduce
from typing import ClassVar, Self

from qaml.errors import DataError
from qaml.registry import Part, Registry
from qaml.types import Data, InputInfo

DATASETS: Registry["DatasetPart"] = Registry(
    "dataset",
    "qaml.datasets",
    {
        "arrays": "qaml.data.arrays.part:Arrays",
        "images": "qaml.data.images.part:Images",
        "digits": "qaml.data.digits:Digits",
        "moons": "qaml.data.moons:Moons",
        "circles": "qaml.data.points:Circles",
        "blobs": "qaml.data.points:Blobs",
        "iris": "qaml.data.toys:Iris",
        "wine": "qaml.data.toys:Wine",
        "breast_cancer": "qaml.data.toys:BreastCancer",
        "tfim": "qaml.data.tfim:TransverseIsing",
        "mnist": "qaml.data.idx:Mnist",
        "fashion_mnist": "qaml.data.idx:FashionMnist",
        "cifar10": "qaml.data.cifar10:Cifar10",
        "cifar2": "qaml.data.cifar2:Cifar2",
        "celeba": "qaml.data.celeba.part:CelebA",
    },
)
TRANSFORMS: Registry["TransformPart"] = Registry(
    "transform",
    "qaml.transforms",
    {
        "downscale": "qaml.data.transforms.downscale:Downscale",
        "binarise": "qaml.data.transforms.binarise:Binarise",
        "select_classes": "qaml.data.transforms.select_classes:SelectClasses",
        "subset": "qaml.data.transforms.subset:Subset",
        "amplitudes": "qaml.data.transforms.amplitudes:Amplitudes",
        "normalise": "qaml.data.transforms.normalise:Normalise",
        "pca": "qaml.data.transforms.pca:PCA",
        "standardise": "qaml.data.transforms.standardise:Standardise",
        "rescale": "qaml.data.transforms.rescale:Rescale",
        "flatten": "qaml.data.transforms.flatten:Flatten",
        "crop": "qaml.data.transforms.crop:Crop",
        "pad": "qaml.data.transforms.pad:Pad",
        "select_features": "qaml.data.transforms.select_features:SelectFeatures",
        "grey": "qaml.data.transforms.grey:Grey",
    },
)


STATE_TOLERANCE = 1e-4
"""Largest accepted difference of a state's norm from 1: float32 keeps seven digits of each amplitude."""


class TransformPart(Part, ABC):
    """A pure function from a dataset to a dataset; the same for training and test data."""

    is_fitted: ClassVar[bool] = False
    """Whether it is fitted on the training data, so that test data depend on them through it, but on them alone."""

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
        """Return the transform that test data go through: this one, or none where it changes training data only."""
        return self


class DatasetPart(Part, ABC):
    """A source of labelled inputs with a declared description and checksum."""

    transforms: tuple[TransformPart, ...] = ()
    """Transforms, applied in this order after loading."""

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
        """Read the dataset before any transform, verified against ``checksums``.

        Raises:
            DataError: files are missing, damaged, or not what was declared.
        """

    @property
    def caveat(self) -> str:
        """What a reader of every number on this dataset must know, such as a deviation from the published one."""
        return ""

    @property
    def tested(self) -> Self:
        """The same dataset reduced to what determines its test data: equal for models that trained on other shares.

        Up to the last transform that is fitted on training data everything determines them.
        """
        fitted = self.fitted.transforms
        others = self.transforms[len(fitted) :]
        kept = tuple(part for transform in others if (part := transform.for_testing()) is not None)
        return self.model_copy(update={"transforms": (*fitted, *kept)})

    @property
    def fitted(self) -> Self:
        """The same dataset up to its last transform that is fitted on training data; before any where none is."""
        places = [place for place, transform in enumerate(self.transforms) if transform.is_fitted]
        return self.model_copy(update={"transforms": self.transforms[: places[-1] + 1 if places else 0]})

    @property
    def info(self) -> InputInfo:
        """The description of the inputs after every transform."""
        return reduce(lambda info, transform: transform.describe(info), self.transforms, self.describe())


DATASETS.bind(DatasetPart)
TRANSFORMS.bind(TransformPart)


def load(part: DatasetPart) -> Data:
    """Read a dataset and apply its transforms in order, checked against its declaration; every call reads anew.

    Raises:
        DataError: files are missing or damaged, the content is not what is declared, a transform asks for more examples
            than there are, or a state is not normalised.
        PartError: a transform does not fit the dataset.
    """
    return transformed(part, load_plain(part))


def load_plain(part: DatasetPart) -> Data:
    """Read the dataset before its transforms, checked against its declaration.

    Raises:
        DataError: as ``load``.
    """
    from qaml.data.contract import checked

    return checked(part.kind, part.read(), part.describe())


def transformed(part: DatasetPart, data: Data) -> Data:
    """Apply the dataset's transforms to loaded data, checked against their declarations.

    Raises:
        DataError: as ``load``.
        PartError: a transform does not fit the dataset.
    """
    from qaml.data.contract import checked

    if part.transforms:
        changed = reduce(lambda data, transform: transform.apply(data), part.transforms, data)
        data = checked(part.kind, changed, part.info)
    if data.info.is_state:
        _check_states(part, data)
    return data


def _check_states(part: DatasetPart, data: Data) -> None:
    import numpy as np

    for name, split in (("training", data.train), ("test", data.test)):
        norms = np.linalg.norm(split.inputs.reshape(len(split), -1).astype(np.float64), axis=1)
        wrong = np.flatnonzero(np.abs(norms - 1) > STATE_TOLERANCE)
        if len(wrong):
            number, norm = int(split.indices[wrong[0]]), norms[wrong[0]]
            raise DataError(
                f"dataset {part.kind!r}: {len(wrong)} {name} states are not normalised, "
                f"number {number} has norm {norm:.6g}",
                "divide every state by its norm, or declare features and use the transform 'amplitudes'",
            )
