"""A report packed for a repository is the report: the same pages, and pictures of the same pixels."""

from __future__ import annotations

import io
import json
import lzma
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from qaml.errors import StoreError
from qaml.files.packed import unpack
from qaml.outcome.merge import load, merge_folders, save
from qaml.report.pages.packed import opened, pack
from qaml.report.pages.publish import publish
from tests.report.sample import sample, write_media

ODD = {"clean-1": Image.new("RGBA", (28, 28), "red"), "clean-2": Image.new("L", (29, 28), 7)}
"""One picture that no sheet can hold, and one that not every sheet can."""
LISTED = {"outcomes.json.xz", "qaml-files.json"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with a report, ``whole``, and with its packed form, ``packed``."""
    place = tmp_path_factory.mktemp("made")
    write_media(place / "drawn")
    media = place / "drawn" / "media"
    for name, picture in ODD.items():
        picture.save(media / f"{name}.png")
    publish(sample(), place / "whole", {f"media/{path.name}": path for path in media.iterdir()})
    publish(load(place / "whole"), place / "whole")  # from numbers as they are stored: curves have five digits
    assert pack(place / "whole", place / "packed").read_text("utf-8").startswith("## qaml: ")
    return place


@pytest.fixture
def packed(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "packed", tmp_path / "packed"))


def _files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _pixels(content: bytes) -> tuple[str, tuple[int, int], bytes]:
    image = Image.open(io.BytesIO(content))
    return image.mode, image.size, image.tobytes()


def test_what_is_packed_and_rendered_is_the_report(made: Path, tmp_path: Path) -> None:
    with opened([made / "packed"]) as sources:
        outcomes, pictures = merge_folders(sources)
        publish(outcomes, tmp_path / "again", pictures)
    before, after = _files(made / "whole"), _files(tmp_path / "again")
    assert before.keys() == after.keys()
    seen = [name for name in before if name.endswith(".png")]
    assert [_pixels(before[name]) for name in seen] == [_pixels(after[name]) for name in seen]
    others = before.keys() - {*seen, "outcomes.json", "qaml-files.json"}  # with checksums of the pictures' files
    assert {name for name in others if before[name] != after[name]} == set()


def test_a_packed_report_is_small_and_has_no_page(made: Path) -> None:
    sheets = {name for name in _files(made / "packed") if name.startswith("sheets/")}
    others = LISTED | {"claims.csv", "summary.md", "sheets.json"}
    assert _files(made / "packed").keys() == {"media/clean-1.png"} | sheets | others
    for name in ("claims.csv", "summary.md"):
        assert (made / "packed" / name).read_bytes() == (made / "whole" / name).read_bytes()
    strips = {(o.suite, s.model, s.attack) for o in sample().outcomes for s in o.strips}
    assert 0 < len(sheets) <= len(strips)


def test_the_loader_reads_both_forms(made: Path) -> None:
    paths = made / "whole", made / "packed", made / "packed" / "outcomes.json.xz"
    read = [load(path).model_copy(update={"media": ()}).model_dump_json() for path in paths]
    assert read == [read[0]] * 3


def test_damage_is_noticed_before_anything_is_cut(packed: Path) -> None:
    sheet = next(packed.glob("sheets/**/*.png"))
    sheet.write_bytes(sheet.read_bytes() + b" ")
    with pytest.raises(StoreError, match=r"sheets/.*\.png changed since the outcomes were written"), opened([packed]):
        pass


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:-9], "its end is missing"),
        (lambda content: content + b"more", "its end is missing, or is not its end"),
        (lambda _: b"no xz", "it cannot be unpacked"),
        (lambda content: lzma.compress(lzma.decompress(content).replace(b'"rbm"', b'"qbm"', 1)), "does not fit"),
    ],
)
def test_packed_outcomes_that_are_damaged_are_named(
    packed: Path, damage: Callable[[bytes], bytes], message: str
) -> None:
    file = packed / "outcomes.json.xz"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(StoreError, match=message) as caught:
        load(packed)
    assert str(file) in str(caught.value)


def test_outcomes_are_unpacked_no_further_than_they_may_go(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = lzma.compress(bytes(1 << 20))
    assert len(zeros) < 1 << 10
    with pytest.raises(OSError, match="too large"):
        unpack(zeros, 1 << 16)
    assert unpack(zeros, 1 << 20) == bytes(1 << 20)
    monkeypatch.setattr("qaml.outcome.merge.MOST_BYTES", 1 << 16)
    (packed / "outcomes.json.xz").write_bytes(zeros)
    with pytest.raises(StoreError, match=r"outcomes\.json\.xz is too large: expected at most 65,536 bytes"):
        load(packed)
    monkeypatch.setattr("qaml.files.packed._MOST_MEMORY", 1 << 20)
    with pytest.raises(ValueError, match="it cannot be unpacked: Memory usage limit exceeded"):
        unpack(zeros, 1 << 20)


def test_only_a_packed_report_needs_space_for_temporary_files(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with opened([made / "whole"]) as sources:
        assert sources == [made / "whole"]
    with pytest.raises(StoreError, match=r"cannot unpack .*packed: No such file.*\n  hint: .*TMPDIR"):
        opened([made / "packed"]).__enter__()


def _huge() -> bytes:
    """The beginning of a PNG of a hundred million pixels."""
    header = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000)))
    packed = (struct.pack(">I", len(c)) + kind + c + struct.pack(">I", zlib.crc32(kind + c)) for kind, c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def _with(field: str, value: object) -> Callable[[Path], None]:
    def change(packed: Path) -> None:
        manifest = json.loads((packed / "sheets.json").read_text())
        manifest["sheets"][0][field] = value
        (packed / "sheets.json").write_text(json.dumps(manifest))

    return change


def _sheet(content: bytes) -> Callable[[Path], None]:
    def change(packed: Path) -> None:
        next(packed.glob("sheets/**/*.png")).write_bytes(content)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_with("file", "../whole/media/clean-0.png"), "the outcomes do not list it"),
        (_with("size", (28, 0)), r"sheets\.json is damaged: sheets\.0\.size\.1"),
        (_with("size", (10**6, 10**6)), "it has no room for"),
        (_with("pictures", {"media/clean-0.png": "CMYK"}), r"sheets\.json is damaged"),
        (_with("pictures", {"../clean-0.png": "L"}), "cannot be read"),
        (_sheet(b"no picture"), "Unidentified"),
        (_sheet(_huge()), "DecompressionBomb"),
    ],
)
def test_whoever_made_it_nothing_else_is_read_or_written(
    packed: Path, change: Callable[[Path], None], message: str
) -> None:
    """The checksums are those of the changed files."""
    outcomes = load(packed)
    change(packed)
    for name in LISTED:
        (packed / name).unlink()
    save(outcomes, packed, is_packed=True)
    before = _files(packed.parent)
    with pytest.raises(StoreError, match=message), opened([packed]):
        pass
    assert _files(packed.parent) == before
