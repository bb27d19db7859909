"""A step: one unit of work with a content key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from qaml.plan.canonical import canonical
from qaml.plan.digest import Digest
from qaml.plan.kinds import KINDS, StepKind
from qaml.plan.role import Role
from qaml.registry import Part


class Step(NamedTuple):
    """A node of the plan.

    Attributes:
        kind: the kind of step, which determines the code that runs.
        key: SHA-256 of everything that determines the result; equal keys are one step.
        title: title for people, such as ``train rbm, seed 2``.
        parents: role → key of the step whose artefact is read.
        payload: parts and numbers that the step's code reads; their JSON is part of the key.
        seed: seed of every random choice in the step; it depends on the parameters, not on the code.
        cost: expected seconds, for scheduling.
        code: digest of the sources and library versions.
    """

    kind: StepKind
    key: str
    title: str
    parents: Mapping[Role, str]
    payload: Mapping[str, Any]
    seed: int
    cost: float
    code: Digest

    @property
    def runs_foreign_code(self) -> bool:
        """Whether any of its parts is not qaml's own: then it runs in a process of its own."""
        return self.code.is_foreign or any(part.runs_foreign_code for part in parts_in(self.payload))

    @property
    def is_courtesy(self) -> bool:
        """Whether it only draws something for the report: verdicts are the same without it."""
        return KINDS[self.kind].is_courtesy


def parts_in(value: Any) -> Iterator[Part]:
    """Every part in a payload: in mappings, sequences, and the fields of other parts."""
    if isinstance(value, BaseModel):
        if isinstance(value, Part):
            yield value
        for name in type(value).model_fields:
            yield from parts_in(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from parts_in(item)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for item in value:
            yield from parts_in(item)


def make_step(
    kind: StepKind,
    title: str,
    payload: Mapping[str, Any],
    parents: Mapping[Role, Step],
    code: Digest,
    cost: float,
    device: str = "cpu",
    hardware: str = "",
) -> Step:
    """Compute the key and the seed of a step; ``hardware`` is part of the key unless it is empty.

    The seed depends on the parameters and on the parents' seeds only, so that a refactoring repeats the same draws.
    """
    parameters = canonical(payload)
    identity = canonical([kind, parameters, {str(role): p.seed for role, p in parents.items()}])
    seed = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:6], "big")
    content = {
        "kind": kind,
        "parameters": parameters,
        "parents": {str(role): p.key for role, p in parents.items()},
        "seed": seed,
        "dtype": "float32",
        "device": device,
        "code": code.code,
        "versions": code.versions,
    } | ({"hardware": hardware} if hardware else {})
    key = hashlib.sha256(canonical(content).encode()).hexdigest()
    return Step(kind, key, title, {role: p.key for role, p in parents.items()}, dict(payload), seed, cost, code)
