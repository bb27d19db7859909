"""Text packed as xz, and unpacked up to a limit of size and memory."""

from __future__ import annotations

import errno
import os

_MOST_MEMORY = 128 << 20
"""Largest memory of unpacking beside its result, in bytes; what ``pack`` makes needs 9 MiB."""


def pack(content: bytes) -> bytes:
    """The content as an xz file."""
    import lzma

    return lzma.compress(content)


def unpack(content: bytes, most: int) -> bytes:
    """The content of an xz file.

    Args:
        content: the file's bytes.
        most: largest accepted size of the unpacked content, in bytes.

    Raises:
        OSError: the content is larger.
        ValueError: the file is no complete xz file, or needs too much memory.
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
