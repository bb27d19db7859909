"""One IDX file: its declared shape and content, where it may lie, and what can be wrong with it.

IDX (LeCun, Cortes & Burges 1998): a big-endian magic number 0x0800 + number of dimensions for unsigned bytes, the
dimensions as 32-bit integers, then the bytes in row-major order.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qaml.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GZIP_MAGIC = b"\x1f\x8b"
RESTORE = "delete the file, and the next run downloads it, or put an intact copy there"


class DamagedFileError(DataError):
    """A file is not what was declared; ``fault`` says how, without the path."""

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(f"{path}: {fault}", RESTORE)
        self.fault = fault


class IdxFile(NamedTuple):
    """What is declared of a file of unsigned bytes.

    Attributes:
        name: of the plain file; compressed it ends in ``.gz``.
        shape: (n,) for labels, (n, height, width) for images.
        sha256: of the uncompressed content, because the ``.gz`` bytes of mirrors differ.
    """

    name: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def header(self) -> bytes:
        """The bytes that the content must begin with."""
        n = len(self.shape)
        return struct.pack(f">{1 + n}I", 0x0800 + n, *self.shape)

    @property
    def size(self) -> int:
        """Bytes of the uncompressed content."""
        return len(self.header) + math.prod(self.shape)

    def find(self, folder: Path) -> Path | None:
        """The plain or compressed file in a folder, if it is there."""
        candidates = (folder / self.name, folder / f"{self.name}.gz")
        return next((path for path in candidates if path.is_file()), None)

    def read(self, path: Path) -> NDArray[np.uint8]:
        """The array in a file, verified.

        Raises:
            DataError: the file cannot be read, is damaged, or is another one.
        """
        import numpy as np

        content = self.content(path)
        return np.frombuffer(content, np.uint8, offset=len(self.header)).reshape(self.shape)

    def content(self, path: Path) -> bytes:
        """The uncompressed bytes of a file, verified against what is declared.

        Whether they are compressed is read off the bytes, since browsers unzip a ``.gz`` and keep its name.

        Raises:
            DataError: the file cannot be read, is damaged, or is another one.
        """
        try:
            content = self._uncompressed(path)
        except EOFError as error:
            raise DamagedFileError(path, "truncated: the gzip data end early") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise DamagedFileError(path, f"damaged gzip data ({error})") from error
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror}", "check the file's permissions") from error
        if (fault := self._fault(content)) is not None:
            raise DamagedFileError(path, fault)
        return content

    def _uncompressed(self, path: Path) -> bytes:
        # one byte too many is enough to notice, and a gzip bomb must not fill the memory
        with path.open("rb") as opened:
            is_gzip = opened.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            opened.seek(0)
            if not is_gzip:
                return opened.read(self.size + 1)
            with gzip.GzipFile(fileobj=opened) as unzipped:
                content = unzipped.read(self.size + 1)
                # reaching the end makes gzip check its own checksum
                return content + unzipped.read(1) if len(content) == self.size else content

    def _fault(self, content: bytes) -> str | None:
        magic = self.header[:4]
        if content[:4] != magic:
            found = content[:4].hex() or "nothing"
            return f"neither gzip nor the IDX file expected: magic number {magic.hex()}, got {found}"
        if len(content) != self.size:
            fault, got = ("truncated", f"{len(content)}") if len(content) < self.size else ("too long", "more")
            return f"{fault}: expected {self.size} bytes uncompressed, got {got}"
        if (found := hashlib.sha256(content).hexdigest()) != self.sha256:
            return f"wrong checksum: expected SHA-256 {self.sha256} of the uncompressed content, got {found}"
        return None
