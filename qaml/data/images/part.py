"""The user's own folder of images: fields, and how it is divided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from qaml.data.base import DatasetPart
from qaml.data.division import HeldOut
from qaml.data.pinned import CHECKSUM_SCHEMA, is_checksum, not_a_checksum
from qaml.types import Bounds, Data, InputInfo

Pixels = Annotated[int, Field(ge=1, le=4096)]


class Images(DatasetPart):
    """Images in a folder of the user's own: one folder a class, or folders ``train`` and ``test`` that hold these.

    Inputs are all of one size: every image is shrunk or stretched to it by Pillow's bilinear filter, which is
    antialiased.
    """

    kind: Literal["images"] = "images"
    folder: str = Field(min_length=1)
    """Path of the folder; relative paths start at the current directory."""
    sha256: str = Field(json_schema_extra=CHECKSUM_SCHEMA)
    """Digest of the names and contents of all images. Where it is missing or wrong, the message names the right one."""
    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    """Names of the folders of the classes, in label order."""
    size: Pixels | tuple[Pixels, Pixels]
    """Height and width of the inputs, in pixels, [height, width], or one number for both."""
    colour: Literal["grey", "rgb"]
    """Whether inputs have one channel (ITU-R 601-2 luma) or three."""
    split: HeldOut | None = None
    """The choice of test examples; left out where the folder holds them in a folder of their own."""
    train: str = Field("train", min_length=1)
    """Name of the folder with the folders of training images, where ``split`` is left out."""
    test: str = Field("test", min_length=1)
    """Name of the folder with the folders of test images, where ``split`` is left out."""

    needs_files: ClassVar[bool] = True

    @field_validator("classes", "train", "test")
    @classmethod
    def _are_names(cls, value: tuple[str, ...] | str) -> tuple[str, ...] | str:
        names = (value,) if isinstance(value, str) else value
        wrong = next((name for name in names if "/" in name or "\\" in name or name.startswith(".")), None)
        if wrong is not None:
            raise ValueError(f"expected names of folders, got {wrong!r}")
        if len(set(names)) < len(names):
            raise ValueError("every class has a folder of its own")
        return value

    @model_validator(mode="after")
    def _is_pinned(self) -> Self:
        if not is_checksum(self.sha256):
            raise not_a_checksum(self.sha256, self.hint_about_missing("sha256", self.model_dump()))
        return self

    @classmethod
    def hint_about_missing(cls, field: str, given: Mapping[str, Any]) -> str:
        """The declaration that would fit the folder."""
        if field not in ("sha256", "classes", "size", "colour"):
            return ""
        from qaml.data.images.described import described

        return described(given, field)

    @property
    def height_and_width(self) -> tuple[int, int]:
        """The size of the inputs, in pixels."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    @property
    def groups(self) -> tuple[str, ...]:
        """The folders between the folder and those of the classes, the one for training first; none with a split."""
        return () if self.split is not None else (self.train, self.test)

    def describe(self) -> InputInfo:
        """Inputs of shape (channels, height, width) in [0, 1]."""
        channels = 1 if self.colour == "grey" else 3
        return InputInfo((channels, *self.height_and_width), self.classes, Bounds(0.0, 1.0))

    def checksums(self) -> Mapping[str, str]:
        """Folder → digest, as declared."""
        return {self.folder: self.sha256}

    def read(self) -> Data:
        """The images in the order of their paths, the one of bytes; ``indices`` count them in each folder of a split.

        Raises:
            DataError: the folder is another one than declared, or something in it is no image.
        """
        from qaml.data.images.pictures import read

        return Data(*read(self), self.describe())
