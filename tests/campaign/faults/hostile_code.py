"""Mirrors, plugins and factories of strangers: what they send is bounded, and none of their code runs unasked."""

from __future__ import annotations

import os
import random
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from qaml.data import body
from tests.campaign.faults.hostile import Hostile, as_file, in_order, touching
from tests.campaign.faults.project import SPEC, Project

NETWORK = "{kind: fnn, dataset: digits, hidden: [8, 8], training: {epochs: 2}}"
RUN = ("run", "-n", "0")
"""With what ``--claim`` names."""


def every_mirror() -> Iterator[Hostile]:
    """A server that answers every request in the same odd way."""
    text = SPEC.replace("{kind: moons, n: 100, test_share: 0.4}", "{kind: mnist}").encode()
    for name, answer in _answers().items():
        put = in_order(as_file("specs/tiny.yaml", text), _serving(answer))
        command = (*RUN, "--claim", "linear-exact")
        yield Hostile(f"mirror: {name}", put, command, {"QAML_DATA": "data"}, prepare=_be_impatient)


def _be_impatient() -> None:
    """Downloads are given 30 seconds without a byte, and 60 to get up to speed: one and two are tried as well."""
    body.TIMEOUT_SECONDS, body.GRACE_SECONDS = 1, 2


Answer = Callable[[socket.socket], None]


def _answers() -> dict[str, Answer]:
    def said(*pieces: bytes, pause: float = 0.0) -> Answer:
        def answer(connection: socket.socket) -> None:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)

        return answer

    def endless(head: bytes, piece: bytes, pause: float = 0.0) -> Answer:
        def answer(connection: socket.socket) -> None:
            connection.sendall(head)
            while True:
                connection.sendall(piece)
                time.sleep(pause)

        return answer

    ok = b"HTTP/1.1 200 OK\r\n"
    return {
        "an endless body": endless(ok + b"\r\n", b"x" * 65_536),
        "an endless body, announced": endless(ok + b"Content-Length: 99999999999999\r\n\r\n", b"x" * 65_536),
        "an endless head": endless(ok, b"A: b\r\n"),
        "an endless line": endless(ok + b"A: ", b"x" * 65_536),
        "endless chunks": endless(ok + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        "odd chunks": said(ok + b"Transfer-Encoding: chunked\r\n\r\n", b"zz\r\nx\r\n"),
        "a byte now and then": endless(ok + b"\r\n", b"x", 1.0),
        "silence": lambda _: time.sleep(120),
        "half an answer": said(ok + b"Content-Length: 1000000\r\n\r\n", b"x" * 1_000),
        "no HTTP": said(random.Random(3).randbytes(1_000)),
        "a redirect to itself": said(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"),
        "a redirect to a file": said(
            b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"
        ),
        "a status of controls": said(b"HTTP/1.1 500 \x1b[2J\x07\r\nContent-Length: 0\r\n\r\n"),
        "not there": said(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        "a gzip bomb": said(ok + b"Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n", b"\x1f\x8b" + b"\0" * 18),
        "closed": said(),
        "a negative length": said(ok + b"Content-Length: -5\r\n\r\n", b"x" * 100),
    }


def _serving(answer: Answer) -> Callable[[Project], None]:
    """Starts a server in a fork that lives as long as the project's folder is there and two minutes at most."""

    def put(project: Project) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        (project.root / "mirror.txt").write_text(address)
        sys.stdout.flush()
        if os.fork() == 0:
            with suppress(BaseException):
                _serve(listening, answer)
            os._exit(0)
        listening.close()

    return put


def _serve(listening: socket.socket, answer: Answer) -> None:
    end = time.monotonic() + 90
    listening.settimeout(1.0)
    while time.monotonic() < end:
        with suppress(OSError):
            connection, _ = listening.accept()
            if os.fork() == 0:
                with suppress(OSError):
                    connection.settimeout(60)
                    connection.recv(65_536)
                    answer(connection)
                    connection.close()
                os._exit(0)
            connection.close()


def every_plugin() -> Iterator[Hostile]:
    """Distributions with entry points, asked for by a spec or not."""
    asked = SPEC.replace("models:\n", "models:\n  theirs: {kind: evil/model, dataset: digits}\n", 1)
    asked = asked.replace("of: {model: rbm}", "of: {model: theirs}")
    for name, source in _modules().items():
        installed = in_order(as_file("evil_part.py", source.encode()), _installed("evil/model = evil_part:Part"))
        for command in (("validate",), ("plan",), ("list",)):
            yield Hostile(f"plugin: {name}", in_order(as_file("specs/tiny.yaml", asked.encode()), installed), command)
    unasked = in_order(as_file("evil_part.py", touching().encode()), _installed("evil/model = evil_part:Part"))
    for command in (("validate",), ("plan",), ("schema",), ("list",)):
        yield Hostile("plugin: nobody asked for it", unasked, command)
    entries = {
        "no such module": "evil/model = nowhere:Part",
        "no such name": "evil/model = json:Part",
        "no value": "evil/model =",
        "no class": "evil/model = json:dumps",
        "the name of another": "rbm = json:dumps",
        "a name of controls": "evil/\x1b[2J = json:dumps",
        "twice": "evil/model = json:dumps\nevil/model = json:loads",
        "junk": "\x00\x01[[[",
    }
    for name, entry in entries.items():
        put = in_order(as_file("specs/tiny.yaml", asked.encode()), _installed(entry))
        for command in (("validate",), ("plan",), ("schema",)):
            yield Hostile(f"entry point: {name}", put, command)


def _installed(entry: str) -> Callable[[Project], None]:
    about = "Metadata-Version: 2.1\nName: evil\nVersion: 1\n"
    groups = ("models", "attacks", "datasets")
    points = "".join(f"[qaml.{group}]\n{entry}\n" for group in groups)
    return in_order(
        as_file("evil-1.dist-info/METADATA", about.encode()),
        as_file("evil-1.dist-info/entry_points.txt", points.encode()),
    )


def _modules() -> dict[str, str]:
    """Modules that misbehave when somebody who asked for them imports them."""
    return {
        "leaves with 0": "import sys; sys.exit(0)\n",
        "leaves": "raise SystemExit\n",
        "leaves with a word": "raise SystemExit('\\x1b[2Jbye')\n",
        "a syntax error": "def (:\n",
        "an interrupt": "raise KeyboardInterrupt\n",
        "any exception": "raise BaseException('\\x1b[2J\\u202e')\n",
        "no end of recursion": "def f(): f()\nf()\n",
        "no class there": "Part = 3\n",
        "a class of its own": "class Part: pass\n",
        "a metaclass": "class M(type):\n    def __call__(self, *_, **__): raise SystemExit(0)\n"
        "class Part(metaclass=M): pass\n",
        "memory": "raise MemoryError\n",
        "a warning": "import warnings; warnings.warn('\\x1b[2J::error::')\nPart = None\n",
        "an error without words": "class E(Exception):\n    def __str__(self): raise ValueError\nraise E\n",
        "a group": "raise ExceptionGroup('x', [SystemExit(0) if False else ValueError('y')])\n",
    }


def every_factory() -> Iterator[Hostile]:
    """Factories that nobody trusts, then some that somebody does and should not."""
    untrusted = ("os:system", "sys:exit", "builtins:exec", "__main__:x", "evil:net", "evil.inner:net", "subprocess:run")
    for name in untrusted:
        text = SPEC.replace(NETWORK, f"{{kind: torch_module, dataset: digits, factory: '{name}'}}").encode()
        put = in_order(
            as_file("specs/tiny.yaml", text),
            as_file("evil.py", touching().encode()),
            as_file("evil/__init__.py", touching().encode()),
            as_file("evil/inner.py", touching().encode()),
        )
        for command in (("validate",), ("plan",), ("list",), (*RUN, "--claim", "fnn-keeps")):
            yield Hostile(f"factory {name}, not trusted", put, command)
    for name, source in _modules().items():
        text = SPEC.replace(NETWORK, "{kind: torch_module, dataset: digits, factory: 'evil_own:Part'}").encode()
        put = in_order(as_file("specs/tiny.yaml", text), as_file("evil_own.py", source.encode()))
        for command in (("validate",), ("plan",)):
            yield Hostile(f"factory: {name}", put, command, {"QAML_TRUSTED_MODULES": "evil_own"})
    for name in ("sys:exit", "os:abort", "builtins:print", "os:fork"):
        text = SPEC.replace(NETWORK, f"{{kind: torch_module, dataset: digits, factory: '{name}'}}").encode()
        put = as_file("specs/tiny.yaml", text)
        for command in (("validate",), ("plan",)):
            trusted = {"QAML_TRUSTED_MODULES": name.partition(":")[0]}
            yield Hostile(f"factory {name}, trusted", put, command, trusted)
