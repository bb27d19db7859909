"""Runs in the process of one step: sets its surroundings, runs the step, and sends its result."""

from __future__ import annotations

import faulthandler
import importlib
import io
import json
import os
import pickle
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from qaml import errors
from qaml.errors import QamlError
from qaml.process_state import process_state_kept
from qaml.run.dataset import DataChanged
from qaml.run.isolation.request import Request
from qaml.run.job import job_of
from qaml.run.reads import states, watching
from qaml.run.store import Damaged, Store
from qaml.run.surroundings import one_thread, warnings_as_python_shows_them

INTERVAL = 0.1
"""Smallest number of seconds between two messages of progress."""

Message = dict[str, Any]
Send = Callable[[Message], None]


def run(request: Request, write: Callable[[bytes], object]) -> None:
    """Run the step, send its result or its error, unless something ends the process before, and end the process.

    Args:
        request: the step and its surroundings.
        write: sends a message, which is a line of JSON.
    """
    encode = json.dumps

    def send(message: Message) -> None:
        write(encode(message).encode() + b"\n")

    try:
        faulthandler.enable()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(line_buffering=True)
        _settle(request)
        send({"done": _perform(request, send)})
    except BaseException as error:
        with suppress(Exception):
            send({"failed": in_words(error)})
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(0)


def _settle(request: Request) -> None:
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment)
    sys.path[:] = request.path
    importlib.invalidate_caches()


def _perform(request: Request, send: Send) -> Message:
    store = Store(request.store, request.session, is_fresh=request.is_fresh)
    module = importlib.import_module(request.module)
    with (
        one_thread(),
        process_state_kept() as changes,
        watching(is_on=request.step.code.is_foreign) as opened,
        warnings_as_python_shows_them(),
    ):
        step = request.step._replace(payload=pickle.loads(request.payload))
        module.execute(job_of(step, store, request.output, request.device, request.missing, _progress(send)))
    sources = states(opened, request.store, *request.step.code.files)
    return {"sources": sources, "changes": list(dict.fromkeys(changes))}


def _progress(send: Send) -> Callable[[float, str], None]:
    last = -INTERVAL

    def progress(share: float, detail: str) -> None:
        nonlocal last
        if time.monotonic() - last >= INTERVAL:
            last = time.monotonic()
            send({"progress": [float(share), str(detail)]})

    return progress


def in_words(error: BaseException) -> Message:
    """An exception as a message from which the receiver can raise it again."""
    if isinstance(error, Damaged):
        flags = {"is_data": isinstance(error, DataChanged), "is_gone": error.is_gone}
        return {"kind": "damaged", "key": error.key, **flags, "message": error.message, "hint": error.hint}
    if isinstance(error, QamlError):
        names = [known.__name__ for known in type(error).__mro__ if vars(errors).get(known.__name__) is known]
        return {"kind": "qaml", "class": names[0], "message": error.message, "hint": error.hint}
    if isinstance(error, SystemExit):
        return {"kind": "exit", "code": "" if error.code is None else str(error.code)}
    trace = "".join(traceback.format_exception(error))
    return {"kind": "crash", "type": type(error).__name__, "message": str(error), "trace": trace}
