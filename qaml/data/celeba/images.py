"""CelebA's aligned photographs: checked, cropped to the square around the face, and shrunk."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from qaml.errors import DataError
from qaml.files.regular import read_regular
from qaml.types import FloatArray

WIDTH, HEIGHT = 178, 218
MOST_BYTES = 1 << 20
"""Largest accepted size of one photograph, in bytes: uncompressed it has 116 kB."""
SQUARE = (0, 20, 178, 198)
"""Left, upper, right and lower edge of the crop: rows 20 … 197 and all columns."""


def read_images(folder: Path, names: Sequence[str], size: int) -> FloatArray:
    """Read photographs as inputs in [0, 1].

    Shrinking is Pillow's bilinear filter, whose support grows with the ratio, so that it is its own antialiasing.

    Args:
        folder: the folder with the files.
        names: file names of the photographs, each 178 wide and 218 high.
        size: height and width of the inputs, in pixels.

    Returns:
        (n, 3, size, size) float32.

    Raises:
        DataError: a file is unreadable or of another size.
    """
    pixels = np.empty((len(names), 3, size, size), np.uint8)
    for position, name in enumerate(names):
        pixels[position] = _read(folder / name, size).transpose(2, 0, 1)
    inputs = pixels.astype(np.float32)
    inputs /= np.float32(255)
    return inputs


def _read(path: Path, size: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    try:
        with Image.open(BytesIO(read_regular(path, MOST_BYTES))) as opened:
            if opened.size != (WIDTH, HEIGHT):
                width, height = opened.size
                raise DataError(
                    f"{path}: expected a photograph {WIDTH} wide and {HEIGHT} high, got {width}×{height}",
                    "take the aligned and cropped version, img_align_celeba",
                )
            square = opened.convert("RGB").crop(SQUARE)
    except (OSError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: not a readable image ({error})", "put an intact copy there") from error
    return np.asarray(square.resize((size, size), Image.Resampling.BILINEAR))
