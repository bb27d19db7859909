"""The request that a step's process receives, and the report that it sends back."""

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
    """A step and the surroundings that it runs in.

    Attributes:
        module: name of the module whose ``execute`` runs.
        step: the step without its payload.
        payload: the step's payload, pickled; only the step's own process may open it, as that imports other packages.
        datasets: qaml's own datasets that the step needs, pickled.
        missing: for parents that are absent, which only draw something: role → reason.
        store: folder of the store.
        session: id of the session.
        is_fresh: whether artefacts that other sessions made count as absent.
        output: the folder to write the artefact's files into.
        device: ``cpu`` or ``cuda``.
        environment: environment variables of the requesting process, with one thread.
        folder: its working directory.
        path: its ``sys.path``.
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
    """What a step's process reports at its end.

    Attributes:
        sources: files and variables that code of other packages read → their states.
        changes: global state that the code changed, in words.
    """

    sources: Mapping[str, str] = {}
    changes: tuple[str, ...] = ()


def request_of(
    step: Step, missing: Mapping[Role, str], module: str, store: Store, output: Path, device: str
) -> Request:
    """The request for a step, with this process's present surroundings.

    Raises:
        RunError: a part cannot be pickled, since its class is not in a module that can be imported.
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
