"""Text packed as xz, and unpacked no further than it may go."""

from __future__ import annotations

import errno
import os

_MOST_MEMORY = 128 << 20
"""Bytes that unpacking may take beside its result; what ``pack`` makes needs 9 MiB."""


def pack(content: bytes) -> bytes:
    """The content as an xz file."""
    import lzma

    return lzma.compress(content)


def unpack(content: bytes, most: int) -> bytes:
    """The content of an xz file.

    Args:
        content: of the file.
        most: bytes that it may have unpacked.

    Raises:
        OSError: it has more.
        ValueError: it is no whole xz file, or needs too much memory.
    """
    import lzma  # a Python may be built without it

    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, _MOST_MEMORY)
    try:
        plain = decoder.decompress(content, most + 1)
    except lzma.LZMAError as error:
        raise ValueError(f"it cannot be unpacked: {error}") from error
    if len(plain) > most:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    if not decoder.eof or decoder.unused_data:
        raise ValueError("it cannot be unpacked: its end is missing, or is not its end")
    return plain
