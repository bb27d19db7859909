from __future__ import annotations

import gzip
import io
import random
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pytest

from qaml.data import body, download, load
from qaml.errors import DataError
from tests.data.mirror import Raw, Served, serving
from tests.data.tiny import CONTENT, FILES, TEST_LABELS, TRAIN_IMAGES, ZIPPED, Tiny, write

PAGES = {f"tiny-set/{name}.gz": content for name, content in ZIPPED.items()}
IMAGES = "tiny-set/train-images.gz"
HALF = len(ZIPPED["train-images"]) // 2


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder; no proxy stands between us and localhost."""
    monkeypatch.setenv("QAML_DATA", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("QAML_MIRROR", raising=False)
    return tmp_path / "tiny-set"


@pytest.fixture
def unused_url() -> Iterator[str]:
    """Of a port that refuses connections: bound, so that nobody else gets it, but not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def visible(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


def test_downloads_what_is_missing_and_reads_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(PAGES) as mirror:
        monkeypatch.setenv("QAML_MIRROR", mirror.url)
        data = load(Tiny())
        again = load(Tiny())
    assert mirror.requests == dict.fromkeys(PAGES, 1)
    assert visible(folder) == {f"{name}.gz" for name in ZIPPED}
    assert np.array_equal(data.train.inputs[:, 0], TRAIN_IMAGES.astype(np.float32) / np.float32(255))
    assert np.array_equal(data.test.labels, TEST_LABELS)
    assert np.array_equal(data.train.inputs, again.train.inputs)


def test_files_that_are_there_need_no_mirror(folder: Path) -> None:
    write(folder)
    assert len(load(Tiny()).train) == 7
    assert visible(folder) == {"train-images.gz", "train-labels", "test-images.gz", "test-labels"}


def test_files_are_read_from_a_folder_that_cannot_be_written(folder: Path) -> None:
    write(folder)
    folder.chmod(0o555)
    try:
        assert len(load(Tiny()).test) == 2
        assert not list(folder.glob(".*"))
    finally:
        folder.chmod(0o755)


def test_a_server_may_unzip_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({f"tiny-set/{name}.gz": content for name, content in CONTENT.items()}) as mirror:
        monkeypatch.setenv("QAML_MIRROR", mirror.url + "/")
        assert np.array_equal(load(Tiny()).test.labels, TEST_LABELS)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        pytest.param(None, "HTTP status 404", id="absent"),
        pytest.param(
            Served(ZIPPED["train-images"][:HALF], announced=2 * HALF), "the connection ended early", id="cut-off"
        ),
        pytest.param(ZIPPED["train-images"][:HALF], "truncated: the gzip data end early", id="truncated"),
        pytest.param(CONTENT["train-images"][:-1] + b"?", "wrong checksum: expected SHA-256", id="checksum"),
        pytest.param(b"<html>busy</html>", "neither gzip nor the IDX file expected", id="web-page"),
        pytest.param(ZIPPED["train-labels"], "neither gzip nor the IDX file expected: magic", id="other-file"),
    ],
)
def test_a_bad_download_is_refused_and_nothing_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, page: Served | bytes | None, reason: str
) -> None:
    pages = {name: content for name, content in {**PAGES, IMAGES: page}.items() if content is not None}
    with serving(pages) as mirror:
        monkeypatch.setenv("QAML_MIRROR", mirror.url)
        with pytest.raises(DataError) as caught:
            load(Tiny())
    assert f"{mirror.url}/{IMAGES}: {reason}" in caught.value.message
    assert visible(folder) == set()


def test_without_network_the_error_names_variable_files_and_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, unused_url: str
) -> None:
    monkeypatch.setenv("QAML_MIRROR", unused_url)
    with pytest.raises(DataError) as caught:
        load(Tiny())
    assert caught.value.message == (
        f"tiny: train-images is not in {folder}, and could not be downloaded: {unused_url}/{IMAGES}: cannot connect"
    )
    assert caught.value.hint == (
        f"put train-images, train-labels, test-images, test-labels (plain or .gz) into {folder}, "
        "or set QAML_DATA to the folder that holds tiny-set/, or QAML_MIRROR to a mirror that can be reached"
    )


def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "TIMEOUT_SECONDS", 0.05)
    with serving({IMAGES: Served(b"", delay=0.3)}) as mirror:
        monkeypatch.setenv("QAML_MIRROR", mirror.url)
        with pytest.raises(DataError, match=r"no answer within 0\.05 s"):
            load(Tiny())


HEAD = b"HTTP/1.1 200 OK\r\n"
BODY = HEAD + b"Content-Length: 100\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
REDIRECT = b"HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: "
MOST = FILES.train_images.size + FILES.train_images.size // 100 + 4096
LARGE = f"too large: expected at most {MOST:,} bytes"
SLOW = "too slow: 0 bytes in 0."
ODD = "the connection ended early, or the answer is none"
NOISE = random.Random(0).randbytes(2 * MOST)
MIRRORS: dict[str, tuple[Callable[[], Served | Raw | bytes], str]] = {
    "a body without end": (lambda: Raw(chain([HEAD + b"\r\n"], repeat(bytes(999)))), LARGE),
    "chunks without end": (lambda: Raw(chain([CHUNKED], repeat(b"3E7\r\n" + bytes(999) + b"\r\n"))), LARGE),
    "a chunk's size without end": (lambda: Raw(chain([CHUNKED], repeat(b"1" * 999))), "the connection ended early"),
    "more announced": (lambda: Served(b"x", announced=10**12), f"{LARGE}, 1,000,000,000,000 are announced"),
    "less announced": (lambda: Served(ZIPPED["train-images"], announced=HALF), "truncated"),
    "nonsense announced": (lambda: Raw([HEAD + b"Content-Length: \xb2, -7\r\n\r\n"]), "neither gzip"),
    "a byte now and then": (lambda: Raw(chain([BODY], repeat(b"x")), 0.03), SLOW),
    "a header now and then": (lambda: Raw(chain([HEAD], repeat(b"X: y\r\n")), 0.03), SLOW),
    "half a line": (lambda: Raw([b"HTT"], 9), SLOW),
    "headers without end": (lambda: Raw(chain([HEAD], repeat(b"X: y\r\n"))), ODD),
    "a header without end": (lambda: Raw(chain([HEAD + b"X: "], repeat(b"y" * 999))), ODD),
    "no answer at all": (lambda: Raw([]), ODD),
    "another language": (lambda: Raw([b"\x15\x03\x01\x00\x02\x02\x28"]), ODD),
    "a redirect to itself": (lambda: Raw([REDIRECT + f"/{IMAGES}\r\n\r\n".encode()]), "more than 5 redirects"),
    "a redirect to a file": (
        lambda: Raw([REDIRECT + b"file:///etc/passwd\r\n\r\n"]),
        "it is, or leads to, no address of the web",
    ),
    "a bomb": (lambda: gzip.compress(bytes(1 << 20)), "neither gzip nor the IDX file expected"),
    "a bomb on the way": (
        lambda: Raw([HEAD + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(bytes(1 << 20))]),
        "neither gzip nor the IDX file expected",
    ),
    "a large file": (lambda: NOISE, LARGE),
}


@pytest.mark.parametrize("name", MIRRORS)
def test_whatever_a_mirror_sends_ends_in_words_and_frees_the_lock(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    page, reason = MIRRORS[name]
    if reason == SLOW:
        monkeypatch.setattr(body, "GRACE_SECONDS", 0.2)
    with serving({IMAGES: page()}) as bad, serving(PAGES) as good:
        monkeypatch.setenv("QAML_MIRROR", bad.url)
        with pytest.raises(DataError) as caught:
            load(Tiny())
        assert f"{bad.url}/{IMAGES}: {reason}" in caught.value.message
        assert visible(folder) == set()
        monkeypatch.setenv("QAML_MIRROR", good.url)
        monkeypatch.setattr(body, "GRACE_SECONDS", 60)
        assert len(load(Tiny()).train) == 7


def test_an_address_that_is_none_is_a_data_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QAML_MIRROR", "mirror.example/without/scheme")
    with pytest.raises(DataError, match=r"scheme/.*: it is, or leads to, no address of the web"):
        load(Tiny())


def test_errors_do_not_tell_the_password_of_a_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({}) as mirror:
        addresses = (mirror.url.replace("://", "://me:secret@"), "ftp://me:secret@host", "http://me:secret@[::x")
        monkeypatch.setenv("QAML_MIRROR", " ".join(addresses))
        with pytest.raises(
            DataError, match=r"http://…@127.*: HTTP status 404; ftp://…@host/.*; http://…@\[::x/"
        ) as caught:
            load(Tiny())
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "first", [{}, {IMAGES: b"damaged"}, {IMAGES: Served(b"", announced=5)}], ids=["404", "damaged", "cut-off"]
)
def test_the_second_mirror_serves_when_the_first_fails(
    monkeypatch: pytest.MonkeyPatch, first: dict[str, Served | bytes]
) -> None:
    with ExitStack() as stack:
        bad, good = stack.enter_context(serving(first)), stack.enter_context(serving(PAGES))
        monkeypatch.setenv("QAML_MIRROR", f"{bad.url} {good.url}")
        assert len(load(Tiny()).train) == 7
    assert bad.requests[IMAGES] == good.requests[IMAGES] == 1


def test_the_second_mirror_serves_when_the_first_refuses(monkeypatch: pytest.MonkeyPatch, unused_url: str) -> None:
    with serving(PAGES) as good:
        monkeypatch.setenv("QAML_MIRROR", f"{unused_url}\n{good.url}")
        assert len(load(Tiny()).train) == 7


def test_the_datasets_own_mirrors_are_asked_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({f"deep/{name}.gz": content for name, content in ZIPPED.items()}) as mirror:
        monkeypatch.setattr(Tiny, "mirrors", (f"{mirror.url}/deep",))
        assert len(load(Tiny()).train) == 7


def test_concurrent_workers_download_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({**PAGES, IMAGES: Served(PAGES[IMAGES], delay=0.1)}) as mirror:
        monkeypatch.setenv("QAML_MIRROR", mirror.url)
        with ThreadPoolExecutor(4) as pool:
            sizes = [len(data.train) for data in pool.map(lambda _: load(Tiny()), range(4))]
    assert sizes == [7] * 4
    assert mirror.requests == dict.fromkeys(PAGES, 1)
    assert visible(folder) == {f"{name}.gz" for name in ZIPPED}


def test_what_a_killed_worker_left_is_no_obstacle(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    (folder / ".train-images.part").write_bytes(b"half of it")
    (folder / ".train-images.lock").touch()
    with serving(PAGES) as mirror:
        monkeypatch.setenv("QAML_MIRROR", mirror.url)
        assert len(load(Tiny()).train) == 7
    assert visible(folder) == {f"{name}.gz" for name in ZIPPED}


def test_a_damaged_file_is_reported_and_not_replaced(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder)
    (folder / "train-images.gz").write_bytes(b"mine")
    with serving(PAGES) as mirror:
        monkeypatch.setenv("QAML_MIRROR", mirror.url)
        with pytest.raises(DataError, match=r"train-images\.gz: neither gzip"):
            load(Tiny())
    assert (folder / "train-images.gz").read_bytes() == b"mine"
    assert not mirror.requests


def test_a_folder_that_cannot_be_made_is_a_data_error(folder: Path) -> None:
    folder.write_bytes(b"a file stands where the folder should be")
    with pytest.raises(DataError, match=f"cannot write to {folder}: File exists"):
        load(Tiny())


def test_no_mirror_at_all_is_a_data_error() -> None:
    with pytest.raises(DataError, match="could not be downloaded: no mirror is known"):
        load(Tiny())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_progress_is_drawn_on_a_terminal_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream())
    with serving(PAGES) as mirror:
        download.fetch(FILES.train_images, tmp_path, [f"{mirror.url}/tiny-set"])
        drawn = sys.stderr
        assert isinstance(drawn, io.StringIO)
    assert ("train-images" in drawn.getvalue()) == (stream is Terminal)
