"""Image files as inputs: opened with limits, brought to one size and one set of channels."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image, UnidentifiedImageError

from qaml.data.images.tree import Entry, digest, entries
from qaml.data.pinned import MOST_BYTES, wrong_checksum
from qaml.errors import DataError
from qaml.files.regular import as_written, read_regular
from qaml.types import FloatArray, Split

if TYPE_CHECKING:
    from qaml.data.images.part import Images

MOST_FILE_BYTES: Final = 64 << 20
"""Largest size of one image file, in bytes."""
MOST_PIXELS: Final = 50_000_000
"""Most pixels of one image before it is shrunk: a file of a few bytes can declare any number."""
FORMATS: Final = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_MODES: Final = {"grey": "L", "rgb": "RGB"}
_PLAIN: Final = frozenset({"1", "L", "P", "RGB", "CMYK", "YCbCr", "LA", "PA", "RGBA"})
"""Pillow's modes of at most 8 bits a channel."""


def read(part: Images) -> tuple[Split, Split]:
    """The training and the test images of a dataset.

    Raises:
        DataError: the folder is another one than declared, or something in it is no image.
    """
    root = as_written(part.folder)
    found = entries(part.folder, root, part.groups, part.classes)
    if not found:
        raise DataError(f"{part.folder}: no image in any of its folders")
    inputs, sha256 = _inputs(part.folder, root, found, part.height_and_width, part.colour)
    if sha256 != part.sha256:
        raise wrong_checksum(part.folder, part.sha256, sha256)
    if part.split is not None:
        return part.split.divide(_split(inputs, found, range(len(found))))
    train, test = ([place for place, entry in enumerate(found) if entry.group == group] for group in part.groups)
    return _split(inputs, found, train), _split(inputs, found, test)


def digest_of(folder: str, found: Sequence[Entry]) -> str:
    """The digest of images, all of which can be read.

    Raises:
        DataError: one of them cannot.
    """
    return _inputs(folder, as_written(folder), found, (1, 1), "grey")[1]


def first_look(folder: str, entry: Entry) -> tuple[int, int, str]:
    """Height, width and colour of an image.

    Raises:
        DataError: it cannot be read.
    """
    place = f"{folder}/{entry.name}"
    with _opened(place, _content(place, as_written(folder) / entry.name)) as image:
        return image.height, image.width, "grey" if image.mode in ("1", "L", "LA") else "rgb"


def _split(inputs: FloatArray, found: Sequence[Entry], places: Sequence[int]) -> Split:
    labels = np.array([found[place].label for place in places], np.int64)
    return Split(inputs[places], labels, np.arange(len(places), dtype=np.int64))


def _inputs(
    folder: str, root: Path, found: Sequence[Entry], size: tuple[int, int], colour: str
) -> tuple[FloatArray, str]:
    """All images as (n, channels, height, width) in [0, 1], and their digest."""
    channels = 1 if colour == "grey" else 3
    shape = (len(found), *size, channels)
    if (n_bytes := 4 * int(np.prod(shape, dtype=np.int64))) > MOST_BYTES:
        raise DataError(
            f"{folder}: {len(found):,} images of this size take {n_bytes:,} bytes, expected at most {MOST_BYTES:,}",
            "choose a smaller 'size'",
        )
    pixels = np.empty(shape, np.uint8)
    checksums = []
    for place, entry in enumerate(found):
        content = _content(f"{folder}/{entry.name}", root / entry.name)
        checksums.append((entry.name, hashlib.sha256(content).hexdigest()))
        pixels[place] = _decoded(f"{folder}/{entry.name}", content, size, colour).reshape(shape[1:])
    inputs = np.ascontiguousarray(np.moveaxis(pixels, -1, 1), np.float32)
    inputs /= np.float32(255)
    return inputs, digest(checksums)


def _content(place: str, path: Path) -> bytes:
    try:
        return read_regular(path, MOST_FILE_BYTES)
    except OSError as error:
        raise DataError(f"{place}: cannot be read: {error.strerror or error}", "put an intact image there") from error


def _decoded(place: str, content: bytes, size: tuple[int, int], colour: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    height, width = size
    with _opened(place, content) as image:
        try:
            plain = _opaque(place, image).convert(_MODES[colour])
            return np.asarray(plain.resize((width, height), Image.Resampling.BILINEAR))
        except DataError:
            raise
        except Exception as error:  # a decoder raises what it meets in a damaged file
            raise _unreadable(place, error) from error


def _opened(place: str, content: bytes) -> Image.Image:
    """An image whose header is sound: of a known format, not too large, of 8 bits a channel, one alone."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the limits below are stricter than those that Pillow warns of
            image = Image.open(BytesIO(content), formats=FORMATS)
    except Exception as error:  # as in _decoded
        raise _unreadable(place, error) from error
    fault = ""
    if image.width * image.height > MOST_PIXELS:
        fault = f"{image.width}×{image.height} pixels, expected at most {MOST_PIXELS:,}"
    elif image.mode not in _PLAIN:
        fault = f"pixels of the kind {image.mode!r}, expected at most 8 bits a channel"
    elif getattr(image, "n_frames", 1) > 1:
        fault = "several images in one file, expected one"
    if fault:
        image.close()
        raise DataError(f"{place}: {fault}", "convert it, or leave it out")
    return image


def _opaque(place: str, image: Image.Image) -> Image.Image:
    """The image, none of whose pixels is transparent."""
    if not image.has_transparency_data:
        return image
    full = image.convert("RGBA")
    if full.getchannel("A").getextrema() != (255, 255):
        raise DataError(f"{place}: some pixels are transparent", "put it onto a background first")
    return full


def _unreadable(place: str, error: Exception) -> DataError:
    words = "no image of a known format" if isinstance(error, UnidentifiedImageError) else str(error)
    return DataError(f"{place}: not a readable image ({words})", "put an intact image there, or leave it out")
