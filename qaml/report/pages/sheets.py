"""Sheets, each with the pictures of one model and attack, from which the same pictures are cut again."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import PositiveInt

from qaml.errors import StoreError
from qaml.files.regular import read_regular
from qaml.outcome.belongings import MOST_MEDIUM
from qaml.outcome.outcome import Outcomes
from qaml.outcome.record import Record, RecordError, parse_record
from qaml.report.text.width import file_name

if TYPE_CHECKING:
    from PIL.Image import Image

MANIFEST = "sheets.json"
_MODES = ("L", "RGB")


class Sheet(Record):
    """A PNG file of pictures of one size, row by row from its top left corner."""

    file: str
    """Path relative to the folder of the report."""
    size: tuple[PositiveInt, PositiveInt]
    """Width and height of each picture in pixels."""
    pictures: dict[str, Literal["L", "RGB"]]
    """Path of each picture in the report, in order, and its mode: grey levels or colours of eight bits."""


class Sheets(Record):
    """The content of ``sheets.json``."""

    sheets: tuple[Sheet, ...]


def write_sheets(outcomes: Outcomes, report: Path, folder: Path) -> set[str]:
    """Put the pictures of strips on sheets: a row of clean images, one of adversarial ones, one of perturbations.

    Args:
        outcomes: outcomes of the report.
        report: folder of the report.
        folder: the folder that the sheets and ``sheets.json`` are written to.

    Returns:
        The paths of the pictures that are on a sheet. A picture is left out if it is not a plain picture of grey levels
        or colours, or if its size is not that of the first one of its sheet.

    Raises:
        StoreError: a picture is damaged.
        OSError: a picture cannot be read, or the folder cannot be written.
    """
    sheets: list[Sheet] = []
    done: set[str] = set()
    for file, rows in _rows(outcomes).items():
        images = {name: _image(report / name) for row in rows for name in row if name not in done}
        images = {name: image for name, image in images.items() if image.mode in _MODES and not image.info}
        size = next((image.size for image in images.values()), None)
        images = {name: image for name, image in images.items() if image.size == size}
        if images:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            _together([*images.values()], max(map(len, rows))).save(folder / file, optimize=True)
            modes = {name: image.mode for name, image in images.items()}
            sheets.append(Sheet.model_validate({"file": file, "size": size, "pictures": modes}))
            done |= images.keys()
    text = Sheets(sheets=tuple(sheets)).model_dump_json(indent=1) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8", errors="replace")
    return done


def _together(images: Sequence[Image], columns: int) -> Image:
    """Images of one size on one sheet."""
    from PIL import Image

    width, height = images[0].size
    sheet = Image.new(max(image.mode for image in images), (columns * width, -(-len(images) // columns) * height))
    for place, image in enumerate(images):
        sheet.paste(image, (place % columns * width, place // columns * height))
    return sheet


def _rows(outcomes: Outcomes) -> dict[str, list[list[str]]]:
    """Sheet → paths of its pictures, row by row."""
    found: dict[str, list[list[str]]] = {}
    for suite, strip in ((outcome.suite, strip) for outcome in outcomes.outcomes for strip in outcome.strips):
        file = f"sheets/{file_name(suite)}/{file_name(strip.model)}/{file_name(strip.attack)}.png"
        columns = zip(*((p.clean, p.adversarial, p.perturbation) for p in strip.pictures), strict=True)
        found.setdefault(file, []).extend(map(list, columns))
    return found


def cut(outcomes: Outcomes, folder: Path) -> Iterator[tuple[str, bytes]]:
    """The pictures that are on sheets, each with its path in the report and its content as a PNG file.

    Args:
        outcomes: outcomes as loaded from the folder; sheets that they do not list are not read.
        folder: the folder with the sheets.

    Raises:
        StoreError: a sheet is damaged, too large, or not listed.
        OSError: a sheet cannot be read.
    """
    path = folder / MANIFEST
    try:
        sheets = parse_record(Sheets, read_regular(path, MOST_MEDIUM)).sheets
    except RecordError as error:
        raise _damaged(path, error) from error
    listed = {medium.path for medium in outcomes.media}
    for sheet in sheets:
        path = folder / sheet.file
        if sheet.file not in listed:
            raise _damaged(path, "the outcomes do not list it")
        image, (width, height) = _image(path), sheet.size
        columns = image.width // width
        if columns * (image.height // height) < len(sheet.pictures):
            raise _damaged(path, f"it has no room for {len(sheet.pictures):,} pictures")
        for place, (name, mode) in enumerate(sheet.pictures.items()):
            left, top = place % columns * width, place // columns * height
            content = io.BytesIO()
            image.crop((left, top, left + width, top + height)).convert(mode).save(content, "PNG", optimize=True)
            yield name, content.getvalue()


def _image(path: Path) -> Image:
    """A decoded PNG file with no more pixels than Pillow opens without a warning.

    Raises:
        StoreError: it is not such a file.
        OSError: it cannot be read.
    """
    from PIL import Image

    content = read_regular(path, MOST_MEDIUM)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=["PNG"])
            image.load()
    except Exception as error:  # Pillow does not document what it raises
        raise _damaged(path, f"it is no PNG that can be opened ({type(error).__name__})") from error
    return image


def _damaged(path: Path, why: object) -> StoreError:
    return StoreError(f"{path} is damaged: {why}", "restore the folder, or publish the report again")
