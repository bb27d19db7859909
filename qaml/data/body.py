"""The answer of a server to a request, limited in size and in time, however the server behaves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Final

import requests
import urllib3

TIMEOUT_SECONDS: float = 30
"""Seconds without a byte after which a server is given up."""
GRACE_SECONDS: float = 60
"""Seconds before the average speed is checked."""
SLOWEST: Final = 20_000
"""Average speed that a server must reach, in bytes per second."""
MOST_REDIRECTS: Final = 5
_CHUNK: Final = 1 << 14


class BodyError(Exception):
    """A server sent nothing, something else, or too much; the message is a few words that follow the address."""


def body(url: str, most: int) -> Iterator[bytes]:
    """Yield the bytes of an answer as they arrive.

    They are received in a thread, since a server that sends a header a minute is waited for inside of libraries; where
    it is given up, the thread ends with its connection.

    Args:
        url: the address that is requested.
        most: bytes that the answer may have.

    Raises:
        BodyError: the server cannot be reached, refuses, or sends too much, too slowly or less than it announced.
    """
    inbox: Queue[bytes | Exception | None] = Queue(maxsize=8)
    given_up = Event()
    Thread(target=_receive, args=(url, most, inbox, given_up), daemon=True).start()
    start, size = time.monotonic(), 0
    try:
        while True:
            try:
                piece = inbox.get(timeout=max(start + GRACE_SECONDS + size / SLOWEST - time.monotonic(), 0.001))
            except Empty:
                raise BodyError(f"too slow: {size:,} bytes in {time.monotonic() - start:.3g} s") from None
            if piece is None:
                return
            if isinstance(piece, Exception):
                raise BodyError(_reason(piece)) from piece
            size += len(piece)
            if size > most:
                raise BodyError(f"too large: expected at most {most:,} bytes")
            yield piece
    finally:
        given_up.set()


def _receive(url: str, most: int, inbox: Queue[bytes | Exception | None], given_up: Event) -> None:
    def put(piece: bytes | Exception | None) -> None:
        while not given_up.is_set():
            with suppress(Full):
                inbox.put(piece, timeout=0.1)
                return

    # "identity": a server that offers to unzip on the way would make the bytes depend on the mirror
    headers = {"Accept-Encoding": "identity"}
    try:
        with requests.Session() as session:
            session.max_redirects = MOST_REDIRECTS
            with session.get(url, headers=headers, timeout=TIMEOUT_SECONDS, stream=True) as response:
                response.raise_for_status()
                announced = response.headers.get("Content-Length", "")
                if announced.isdecimal() and len(announced) < 20 and int(announced) > most:
                    raise BodyError(f"too large: expected at most {most:,} bytes, {int(announced):,} are announced")
                for piece in response.raw.stream(_CHUNK, decode_content=False):
                    put(piece)
                    if given_up.is_set():
                        return
        put(None)
    except Exception as error:  # libraries raise many types for a bad server; the waiting thread reports them
        put(error)


def _reason(error: Exception) -> str:
    """A network error in a few words: its own text names Python objects."""
    match error:
        case requests.HTTPError(response=requests.Response(status_code=status)):
            return f"HTTP status {status}"
        case requests.Timeout() | urllib3.exceptions.ReadTimeoutError():
            return f"no answer within {TIMEOUT_SECONDS:g} s"
        case requests.TooManyRedirects():
            return f"more than {MOST_REDIRECTS} redirects"
        case requests.ConnectionError(args=(urllib3.exceptions.ProtocolError(), *_)):
            return "the connection ended early, or the answer is none"
        case requests.ConnectionError():
            return "cannot connect"
        case urllib3.exceptions.HTTPError():
            return "the connection ended early"
        case BodyError():
            return str(error)
        case requests.RequestException() if isinstance(error, ValueError):
            return "it is, or leads to, no address of the web (https://…)"
    return type(error).__name__  # its text may hold the address, with its password
