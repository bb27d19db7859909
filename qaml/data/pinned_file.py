"""Reading a file, plain or compressed, whose uncompressed content is declared by its size and checksum."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterable
from pathlib import Path

from qaml.errors import DataError
from qaml.files.regular import open_regular

GZIP_MAGIC = b"\x1f\x8b"


class DamagedFileError(DataError):
    """A file is not what was declared; ``fault`` says how, without the path."""

    def __init__(self, path: Path, fault: str, hint: str) -> None:
        super().__init__(f"{path}: {fault}", hint)
        self.fault = fault


def find(name: str, folder: Path) -> Path | None:
    """The plain or compressed file in a folder, if it is there; compressed it ends in ``.gz``."""
    return first_file((folder / name, folder / f"{name}.gz"))


def first_file(paths: Iterable[Path]) -> Path | None:
    """The first path where there is a file.

    Raises:
        DataError: the folder cannot be looked into: what is in it is not to be downloaded again.
    """
    for path in paths:
        try:
            if path.is_file():
                return path
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}", "check the folder's permissions") from error
    return None


def uncompressed(path: Path, size: int, hint: str) -> bytes:
    """The uncompressed bytes of a file, one more than ``size`` of them at most.

    The bytes show whether they are compressed, since browsers unzip a ``.gz`` and keep its name.

    Args:
        path: path of the file.
        size: expected size, in bytes.
        hint: what to do about a damaged file.

    Raises:
        DataError: the file cannot be read, or its gzip data are damaged.
    """
    try:
        return _read(path, size)
    except EOFError as error:
        raise DamagedFileError(path, "truncated: the gzip data end early", hint) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DamagedFileError(path, f"damaged gzip data ({error})", hint) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}", "check the file's permissions") from error


def fault(content: bytes, size: int, sha256: str) -> str | None:
    """What is wrong with the uncompressed content: its length or its checksum; ``None`` where nothing is."""
    if len(content) != size:
        kind, got = ("truncated", f"{len(content)}") if len(content) < size else ("too long", "more")
        return f"{kind}: expected {size} bytes uncompressed, got {got}"
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        return f"wrong checksum: expected SHA-256 {sha256} of the uncompressed content, got {found}"
    return None


def _read(path: Path, size: int) -> bytes:
    # one byte too many is enough to notice, and a gzip bomb must not fill the memory
    with open_regular(path) as opened:
        is_gzip = opened.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        opened.seek(0)
        if not is_gzip:
            return opened.read(size + 1)
        with gzip.GzipFile(fileobj=opened) as unzipped:
            content = unzipped.read(size + 1)
            # reaching the end makes gzip check its own checksum
            return content + unzipped.read(1) if len(content) == size else content
