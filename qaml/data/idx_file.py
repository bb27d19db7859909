"""One IDX file: its declared shape and content, the names it may have, and the errors of reading it.

IDX (LeCun, Cortes & Burges 1998): a big-endian magic number 0x0800 + number of dimensions for unsigned bytes, the
dimensions as 32-bit integers, then the bytes in row-major order.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qaml.data.pinned_file import DamagedFileError, fault, find, uncompressed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESTORE = "delete the file, and the next run downloads it, or put an intact copy there"


class IdxFile(NamedTuple):
    """The declaration of a file of unsigned bytes.

    Attributes:
        name: file name, uncompressed; the compressed file's name ends in ``.gz``.
        shape: (n,) for labels, (n, height, width) for images.
        sha256: checksum of the uncompressed content, because the ``.gz`` bytes of mirrors differ.
    """

    name: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def header(self) -> bytes:
        """The bytes with which the content must begin."""
        n = len(self.shape)
        return struct.pack(f">{1 + n}I", 0x0800 + n, *self.shape)

    @property
    def size(self) -> int:
        """Size of the uncompressed content, in bytes."""
        return len(self.header) + math.prod(self.shape)

    @property
    def packed_name(self) -> str:
        """The name that mirrors give it, and that it keeps."""
        return f"{self.name}.gz"

    @property
    def most_bytes(self) -> int:
        """Largest size of a download, in bytes: the file as badly packed as gzip may pack it, or not packed."""
        return self.size + self.size // 100 + 4096

    def find(self, folder: Path) -> Path | None:
        """The plain or compressed file in a folder, if it is there."""
        return find(self.name, folder)

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

        Raises:
            DataError: the file cannot be read, is damaged, or is another one.
        """
        content = uncompressed(path, self.size, RESTORE)
        if (wrong := self._fault(content)) is not None:
            raise DamagedFileError(path, wrong, RESTORE)
        return content

    def _fault(self, content: bytes) -> str | None:
        magic = self.header[:4]
        if content[:4] != magic:
            found = content[:4].hex() or "nothing"
            return f"neither gzip nor the IDX file expected: magic number {magic.hex()}, got {found}"
        return fault(content, self.size, self.sha256)
