"""One file of CIFAR-10's binary version: its declared content, and the records in it.

A record is a label byte, then 3 × 32 × 32 bytes: the red, the green, and the blue channel, each row by row
(Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qaml.data.pinned_file import DamagedFileError, fault, uncompressed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

IMAGE_SHAPE = (3, 32, 32)
RECORD_SIZE = 1 + 3 * 32 * 32
RESTORE = "put an intact copy there"


class Records(NamedTuple):
    """Labels and images of a file.

    Attributes:
        labels: (n,) uint8, as in the file.
        images: (n, 3, 32, 32) uint8.
    """

    labels: NDArray[np.uint8]
    images: NDArray[np.uint8]


class RecordFile(NamedTuple):
    """The declaration of a file.

    Attributes:
        name: file name, uncompressed; the compressed file's name ends in ``.gz``.
        n_records: number of records in the file.
        sha256: checksum of the uncompressed content.
    """

    name: str
    n_records: int
    sha256: str

    @property
    def size(self) -> int:
        """Size of the uncompressed content, in bytes."""
        return self.n_records * RECORD_SIZE

    def read(self, path: Path) -> Records:
        """The records of a file, verified.

        Raises:
            DataError: the file cannot be read, is damaged, or is another one.
        """
        return self.records(uncompressed(path, self.size, RESTORE), path)

    def records(self, content: bytes, path: Path) -> Records:
        """The records in the uncompressed content of a file, verified.

        Raises:
            DataError: the content is another one.
        """
        import numpy as np

        if (wrong := fault(content, self.size, self.sha256)) is not None:
            raise DamagedFileError(path, wrong, RESTORE)
        records = np.frombuffer(content, np.uint8).reshape(self.n_records, RECORD_SIZE)
        return Records(records[:, 0], records[:, 1:].reshape(-1, *IMAGE_SHAPE))
