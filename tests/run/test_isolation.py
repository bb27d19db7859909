"""Steps of other people's code in processes of their own: how they end, what they change, and who is told."""

from __future__ import annotations

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from qaml.errors import PartError, QamlError, RunError
from qaml.models.torch_module.part import TorchModule
from qaml.plan.digest import Digest
from qaml.plan.step import make_step
from qaml.process_state import process_state_kept
from qaml.registry import Part
from qaml.run.dataset import DataChanged
from qaml.run.isolation import apart, server
from qaml.run.isolation.apart import perform_apart
from qaml.run.isolation.errors import Crashed
from qaml.run.isolation.request import Report, Request, request_of
from qaml.run.store import Damaged, Store
from tests.run import foreign
from tests.run.foreign import Deed


def request(tmp_path: Path, deed: Deed, **payload: Any) -> Request:
    output = tmp_path / f"output-{time.time_ns()}"
    output.mkdir()
    step = make_step("train", "train it", {"deed": deed, **payload}, {}, Digest("c", ()), 1.0)
    return request_of(step, {}, foreign.__name__, Store(tmp_path / "store"), output, "cpu")


def perform(tmp_path: Path, deed: Deed, **payload: Any) -> Report:
    return perform_apart(request(tmp_path, deed, **payload), lambda _share, _words: None)


def test_its_files_its_progress_and_its_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_VARIABLE", "set")
    monkeypatch.chdir(tmp_path)
    asked = request(tmp_path, "surroundings")
    told: list[tuple[float, str]] = []
    perform_apart(asked, lambda share, words: told.append((share, words)))
    found = json.loads((asked.output / "found.json").read_text())
    assert found == {
        "variable": "set",
        "folder": str(tmp_path),
        "path": sys.path,
        "seed": asked.step.seed,
        "threads": 1,
        "checkpoint": str(asked.store / "checkpoints" / asked.step.key),
        "pid": found["pid"],
    }
    assert found["pid"] != os.getpid()
    assert told == [(0.5, "half")]


@pytest.mark.parametrize(
    ("deed", "kind", "message"),
    [
        ("refuse", PartError, "refused\n  hint: ask differently"),
        ("refuse as others do", RunError, "their own kind\n  hint: of error"),
        ("exit", RunError, "its code called sys.exit(3)\n  hint: raise an exception instead"),
        ("leave", RunError, "the process that ran its code left Python with exit code 7"),
        ("abort", RunError, "the process that ran its code ended with signal 6 (SIGABRT)"),
        ("segfault", RunError, "the process that ran its code ended with signal 11 (SIGSEGV)"),
        ("be killed", RunError, "the process that ran its code ended with signal 9 (SIGKILL)"),
        ("interrupt", Crashed, "KeyboardInterrupt: "),
        ("run out of memory", Crashed, "MemoryError: "),
        ("recurse", Crashed, "RecursionError: maximum recursion depth exceeded"),
        ("break json", Crashed, "ZeroDivisionError: no"),
    ],
)
def test_whatever_ends_it_is_told_and_the_next_one_runs(
    tmp_path: Path, deed: Deed, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        perform(tmp_path, deed)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(message)
    perform(tmp_path, "nothing")


def test_a_crash_keeps_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(Crashed) as caught:
        perform(tmp_path, "crash")
    assert str(caught.value) == "ZeroDivisionError: no"
    assert 'raise ZeroDivisionError("no")' in caught.value.trace


@pytest.mark.parametrize("kind", [Damaged, DataChanged])
def test_damage_comes_back_as_itself(tmp_path: Path, kind: type[Damaged]) -> None:
    with pytest.raises(Damaged) as caught:
        perform(tmp_path, "find damage", is_data=kind is DataChanged)
    assert type(caught.value) is kind
    assert (caught.value.key, caught.value.message, caught.value.hint) == ("a key", "what", "so")


def test_nothing_of_one_step_reaches_the_next(tmp_path: Path) -> None:
    report = perform(tmp_path, "spoil")
    changed = " ".join(report.changes)
    for what in ("working directory", "environment variables", "gradients: on, then off", "torch.relu was replaced"):
        assert what in changed
    asked = request(tmp_path, "surroundings")
    assert perform_apart(asked, lambda _share, _words: None).changes == ()
    assert json.loads((asked.output / "found.json").read_text())["folder"] == str(Path.cwd())
    assert foreign.TOUCHED == []


def test_what_it_prints_is_passed_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    perform(tmp_path, "print")
    with pytest.raises(RunError):
        perform(tmp_path, "segfault")
    out = capsys.readouterr().out
    assert "from Python" in out
    assert "from below" in out
    assert "Segmentation fault" in out


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path("/proc").exists() else True


def until(is_so: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_an_interrupt_ends_it_and_what_it_started(tmp_path: Path) -> None:
    asked = request(tmp_path, "sleep")

    def interrupted(share: float, words: str) -> None:  # noqa: ARG001
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        perform_apart(asked, interrupted)
    for pid in json.loads((asked.output / "pids.json").read_text()):
        until(lambda pid=pid: not is_alive(pid))  # type: ignore[misc]
    perform(tmp_path, "nothing")


def test_an_end_that_came_too_late_is_passed_over(tmp_path: Path) -> None:
    """Also where the next request stands right behind it."""
    asked = request(tmp_path, "nothing")
    content = pickle.dumps(asked)
    ours, theirs = socket.socketpair()
    with ours, theirs, (tmp_path / "printed").open("wb") as printed:
        ours.sendall(server.KILL)
        socket.send_fds(ours, [server.REQUEST], [ours.fileno(), printed.fileno()])
        ours.sendall(server.LENGTH.pack(len(content)) + content)
        theirs.settimeout(5.0)
        received = server._receive(theirs)
        assert received is not None
        assert received[0].step.key == asked.step.key
        for descriptor in received[1:]:
            os.close(descriptor)
        ours.shutdown(socket.SHUT_WR)
        assert server._receive(theirs) is None


def test_it_ends_with_whoever_asked(tmp_path: Path) -> None:
    asked = request(tmp_path, "sleep")
    file = tmp_path / "request"
    file.write_bytes(pickle.dumps(asked))
    code = (
        "import pickle, sys; from qaml.run.isolation.apart import perform_apart; "
        "perform_apart(pickle.load(open(sys.argv[1], 'rb')), lambda *_: None)"
    )
    asking = subprocess.Popen([sys.executable, "-c", code, str(file)], env={**os.environ, "PYTHONPATH": sys.path[0]})
    pids = asked.output / "pids.json"
    until(lambda: pids.exists() and pids.read_text().endswith("]"), 60)
    asking.send_signal(signal.SIGKILL)
    asking.wait()
    for pid in json.loads(pids.read_text()):
        until(lambda pid=pid: not is_alive(pid))  # type: ignore[misc]


def test_threads_take_turns(tmp_path: Path) -> None:
    requests = [request(tmp_path, "surroundings") for _ in range(3)]
    threads = [threading.Thread(target=perform_apart, args=(each, lambda *_: None)) for each in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all((each.output / "found.json").exists() for each in requests)


@pytest.mark.slow
def test_without_fork_a_process_is_spawned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "CAN_FORK", False)
    test_its_files_its_progress_and_its_surroundings(tmp_path, monkeypatch)
    for deed, message in (("exit", "sys.exit(3)"), ("leave", "exit code 7"), ("abort", "exit code -6")):
        with pytest.raises(RunError) as caught:
            perform(tmp_path, deed)  # type: ignore[arg-type]
        assert message in str(caught.value)


class Local(Part):
    kind: Literal["local"] = "local"


def test_a_part_that_nobody_can_import_is_refused(tmp_path: Path) -> None:
    class Hidden(Part):
        kind: Literal["hidden"] = "hidden"

    with pytest.raises(QamlError, match="cannot be handed to a process of its own") as caught:
        request(tmp_path, "nothing", part=Hidden())
    assert caught.value.hint == "define its class in a module of its own"


def test_steps_with_other_people_s_parts_run_their_code() -> None:
    own = {"model": TorchModule(factory="a:b").model_copy(update={"factory": "c:d"})}
    payloads: list[tuple[dict[str, Any], bool]] = [
        ({"attack": None, "images": 3}, False),
        (own, True),
        ({"classifier": {"defences": [Local()]}}, True),
        ({"detectors": {"a": (1, "text", Local())}}, True),
    ]
    for payload, is_foreign in payloads:
        step = make_step("judge", "t", payload, {}, Digest("c", ()), 1.0)
        assert step.runs_foreign_code is is_foreign


def test_state_is_given_back_and_told_to_who_keeps_it_around() -> None:
    before = (os.getcwd(), dict(os.environ))  # noqa: PTH109
    with process_state_kept() as outer:
        with process_state_kept() as inner:
            os.chdir("/")
            os.environ["A_VARIABLE_OF_MINE"] = "1"
            sys.setrecursionlimit(sys.getrecursionlimit() + 1)
        assert (os.getcwd(), dict(os.environ)) == before  # noqa: PTH109
    assert [change.partition(":")[0] for change in inner] == [
        "working directory",
        "environment variables",
        "recursion limit",
    ]
    assert outer == inner
