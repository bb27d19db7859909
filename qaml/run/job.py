"""The job of a step: everything that its code receives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from qaml.plan.role import Role

if TYPE_CHECKING:
    from qaml.plan.step import Step
    from qaml.run.store import Store


class Job(NamedTuple):
    """A step that runs.

    Attributes:
        key: key of the step.
        payload: parts and numbers, as planned.
        seed: seed of every random choice.
        parents: role → key of the parent's artefact.
        read: (role, file name) → path of a parent's file, whose checksum has been verified.
        output: the folder to write the artefact's files into.
        checkpoint: the folder that survives an interruption; a step that needs it makes it.
        progress: called with the share done, 0–1, and a few words.
        device: ``cpu`` or ``cuda``.
        missing: for parents that only draw something and failed: role → reason.
        devices: the folder of what devices were asked and answered, which outlives the artefact (``run.ledger``).
        fresh: id of a session that computes everything again; empty for others.
    """

    key: str
    payload: Mapping[str, Any]
    seed: int
    parents: Mapping[Role, str]
    read: Callable[[Role, str], Path]
    output: Path
    checkpoint: Path
    progress: Callable[[float, str], None]
    device: str = "cpu"
    missing: Mapping[Role, str] = MappingProxyType({})
    devices: Path = Path("devices")
    fresh: str = ""


def job_of(
    step: Step, store: Store, output: Path, device: str, missing: Mapping[Role, str], progress: Callable[..., None]
) -> Job:
    """The job of a step that writes into the folder ``output`` and reads its parents from the store."""

    def read(role: Role, name: str) -> Path:
        return store.read(step.parents[role], name)

    return Job(
        step.key,
        step.payload,
        step.seed,
        step.parents,
        read,
        output,
        store.checkpoint(step.key),
        progress,
        device,
        missing,
        store.devices,
        store.session if store.is_fresh else "",
    )
