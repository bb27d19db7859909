"""One unit of work with a content key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from qaml.plan.digest import Digest

StepKind = Literal[
    "load",
    "train",
    "attack",
    "evaluate",
    "surrogate",
    "diagnose",
    "plant",
    "exact",
    "nearer",
    "picture",
    "portrait",
    "embed",
    "inspect",
    "judge",
]


class Step(NamedTuple):
    """A node of the plan.

    Attributes:
        kind: which code runs.
        key: SHA-256 of everything that determines the result; equal keys are one step.
        title: for people, such as ``train rbm, seed 2``.
        parents: role → key of the steps whose artefacts are read.
        payload: objects for the code that runs the step (parts, numbers); JSON of them is part of the key.
        seed: of every random choice in the step; depends on the parameters, not on the code.
        cost: expected seconds, for scheduling.
        code: digest of the sources and library versions.
    """

    kind: StepKind
    key: str
    title: str
    parents: Mapping[str, str]
    payload: Mapping[str, Any]
    seed: int
    cost: float
    code: Digest


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces; equal values give equal text whatever the order of keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=_plain)


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", serialize_as_any=True)
    if isinstance(value, float):
        return repr(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")


def make_step(
    kind: StepKind,
    title: str,
    payload: Mapping[str, Any],
    parents: Mapping[str, Step],
    code: Digest,
    cost: float,
    device: str = "cpu",
) -> Step:
    """Compute the key and the seed of a step.

    The seed depends on the parameters and on the parents' seeds only, so that a refactoring repeats the same draws.
    """
    parameters = canonical(payload)
    identity = canonical([kind, parameters, {role: p.seed for role, p in parents.items()}])
    seed = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:6], "big")
    content = {
        "kind": kind,
        "parameters": parameters,
        "parents": {role: p.key for role, p in parents.items()},
        "seed": seed,
        "dtype": "float32",
        "device": device,
        "code": code.code,
        "versions": code.versions,
    }
    key = hashlib.sha256(canonical(content).encode()).hexdigest()
    return Step(kind, key, title, {role: p.key for role, p in parents.items()}, dict(payload), seed, cost, code)
