"""What a process is told of the step that it is to run, and what it tells in return."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from qaml.data.base import DatasetPart
from qaml.errors import RunError
from qaml.plan.role import Role
from qaml.plan.step import Step, parts_in
from qaml.run.store import Store
from qaml.run.surroundings import ONE_THREAD


class Request(NamedTuple):
    """A step and the surroundings that it finds.

    Attributes:
        module: whose ``execute`` runs.
        step: without its payload.
        payload: pickled; opening it imports the parts' packages, which only the step's own process may.
        datasets: pickled, those of qaml's own that the step needs.
        store: its folder, the session, and whether only what that made counts.
        environment: variables (but one thread), working directory and ``sys.path`` of who asks.
    """

    module: str
    step: Step
    payload: bytes
    datasets: bytes
    missing: Mapping[Role, str]
    store: Path
    session: str
    is_fresh: bool
    output: Path
    device: str
    environment: Mapping[str, str]
    folder: str
    path: tuple[str, ...]


class Report(NamedTuple):
    """What a step's process says at its end.

    Attributes:
        sources: files that others' code read, with their states.
        changes: global state that it changed, in words.
    """

    sources: Mapping[str, str] = {}
    changes: tuple[str, ...] = ()


def request_of(
    step: Step, missing: Mapping[Role, str], module: str, store: Store, output: Path, device: str
) -> Request:
    """The step with everything around it as it is now.

    Raises:
        RunError: a part cannot be handed over, since its class is in no module that can be imported.
    """
    try:
        payload = pickle.dumps(dict(step.payload))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise RunError(
            f"a part cannot be handed to a process of its own: {error}", "define its class in a module of its own"
        ) from error
    return Request(
        module=module,
        step=step._replace(payload={}),
        payload=payload,
        datasets=pickle.dumps(list(_own_datasets(step.payload))),
        missing=dict(missing),
        store=store.root.absolute(),
        session=store.session,
        is_fresh=store.is_fresh,
        output=output.absolute(),
        device=device,
        environment={**os.environ, **ONE_THREAD},
        folder=str(Path.cwd()),
        path=tuple(sys.path),
    )


def _own_datasets(payload: Any) -> Iterator[DatasetPart]:
    for part in parts_in(payload):
        if isinstance(part, DatasetPart) and not any(inner.runs_foreign_code for inner in parts_in(part)):
            yield part
