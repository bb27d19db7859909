"""A mirror on localhost that serves what a test gives it, and counts what is asked of it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Mirror(NamedTuple):
    url: str
    requests: Counter[str]
    """Path → how often it was asked for."""


class Served(NamedTuple):
    """What a path answers: a body, and how it is cut short or delayed."""

    body: bytes
    announced: int | None = None
    delay: float = 0.0


class Raw(NamedTuple):
    """What a path answers from the first byte on: pieces, each after a pause, until they end or nobody listens."""

    pieces: Iterable[bytes]
    pause: float = 0.0


@contextmanager
def serving(pages: Mapping[str, Served | Raw | bytes]) -> Iterator[Mirror]:
    """Serve pages (path without the leading slash → answer) until the block ends; anything else is a 404."""
    requests: Counter[str] = Counter()
    stopped = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.lstrip("/")
            requests[path] += 1
            page = pages.get(path)
            if page is None:
                self.send_error(404)
                return
            if isinstance(page, Raw):
                self.close_connection = True
                with suppress(OSError):
                    for piece in page.pieces:
                        self.wfile.write(piece)
                        if stopped.wait(page.pause):
                            break
                return
            served = page if isinstance(page, Served) else Served(page)
            time.sleep(served.delay)
            self.send_response(200)
            self.send_header("Content-Length", str(served.announced or len(served.body)))
            self.end_headers()
            self.wfile.write(served.body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Mirror(f"http://127.0.0.1:{server.server_address[1]}", requests)
        finally:
            stopped.set()
            server.shutdown()
            thread.join()
