"""The work of a step as a number that its seconds are proportional to, among steps that are alike but for their scale.

Examples, epochs, budgets and an attack's steps multiply; everything else about a step is in its names. Names go from
the step's own (its model, attack and data without their scale) to its kind alone. A step without a like is estimated
by its kin, in passes of one example through its model, whose seconds can be measured on one batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from pydantic import BaseModel

from qaml.attacks.base import AttackPart
from qaml.plan.canonical import canonical
from qaml.plan.step import Step

SCALES = frozenset(
    {"epochs", "epsilon", "images", "steps", "restarts", "eot", "queries", "train", "test", "n", "count"}
)
"""Fields that change how much a step does, not what it does."""
NAMELESS = frozenset({"seed", "replicate", "order", "shuffle", "trained_from", "lr", "weight_decay"})
"""Fields that do not change what a step costs."""
REPEATED = ("restarts", "eot")
"""Fields of an attack that multiply its passes: its steps, or its queries where it has no steps."""
SIZED = frozenset({"load", "train", "attack", "evaluate", "diagnose", "exact", "nearer", "measure"})
"""Kinds of steps whose work is proportional to a number of examples."""


class Sizes(NamedTuple):
    """Numbers of examples of a dataset; the defaults are for one that was never read."""

    train: int = 10_000
    test: int = 2_000


class Work(NamedTuple):
    """The work of a step.

    Attributes:
        names: groups of steps that it belongs to, from those that are most alike to all of its kind.
        units: multiples of one example's pass through the model, or 1 where scale does not matter.
        model: name of the model and its data, and whether it is trained; empty without one.
    """

    names: tuple[str, ...]
    units: float
    model: str = ""


def work_of(step: Step, sizes: Callable[[], Sizes]) -> Work:
    """The work of a step; the sizes of its dataset are asked for where they matter."""
    payload = step.payload
    held = payload.get("classifier", payload)
    model, attack = held.get("model") if isinstance(held, Mapping) else None, payload.get("attack")
    kin = [step.kind, *((_fields(attack)["kind"],) if attack is not None else ())]
    of_model = "/".join((*kin, _fields(model).get("kind", "-")))
    names = (_digest(_shape([step.kind, payload])), of_model, "/".join(kin), step.kind)
    is_known = model is not None and "dataset" in held
    known = model_name(model, held["dataset"], is_training=step.kind == "train") if is_known else ""
    return Work(tuple(dict.fromkeys(names)), _units(step, sizes), known)


def model_name(model: Any, dataset: Any, *, is_training: bool = False) -> str:
    """The name of a model on a dataset, however long it is trained and on however many examples."""
    name = _digest(_shape([model, dataset], SCALES | NAMELESS | {"training"}))
    return f"{name} in training" if is_training else name


def source_of(dataset: Any) -> str:
    """The name of a dataset with its transforms."""
    return _digest(_shape(dataset, frozenset()))


def _units(step: Step, sizes_of: Callable[[], Sizes]) -> float:
    payload = step.payload
    attack = payload.get("attack")
    passes = _passes(attack) if attack is not None else 1.0
    if step.kind not in SIZED:
        return passes
    sizes = sizes_of()
    if step.kind == "load":
        return float(sizes.train + sizes.test)
    if step.kind == "train":
        epochs = _number(_fields(_fields(payload.get("model")).get("training")), "epochs")
        return sizes.train * (epochs + sum(_crafted(payload, place, epochs) for place in payload.get("crafts", ())))
    images = min(payload.get("images") or sizes.test, sizes.test)
    grid = attack.grid if isinstance(attack, AttackPart) else ()
    budgets = len((payload.get("epsilons") if step.kind == "evaluate" else grid) or ())
    return float(images * max(budgets, 1) * passes)


def _crafted(payload: Mapping[str, Any], place: str, epochs: int) -> float:
    """Passes per training example of the attack that the defence at a place makes adversarials with."""
    defence = _fields(payload["defences"][int(place)])
    times = 1 if defence.get("regenerate") == "once" else epochs
    share = 1.0 - float(defence.get("clean_share", 0.0))
    return times * share * _passes(payload["crafts"][place])


def _passes(attack: Any) -> float:
    """Passes of an attack at one budget, as far as its settings say."""
    settings = _fields(attack)
    repeated = prod(_number(settings, name) for name in REPEATED)
    return float(repeated * _number(settings, "steps" if "steps" in settings else "queries"))


def _number(settings: Mapping[str, Any], name: str) -> int:
    value = settings.get(name, 1)
    return value if type(value) is int and value > 0 else 1


def _fields(part: Any) -> dict[str, Any]:
    return dict(part) if isinstance(part, BaseModel) else {}


def _shape(value: Any, left_out: frozenset[str] = SCALES | NAMELESS) -> Any:
    """A payload without the fields that are left out, and without defaults: a new field leaves the names of others."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        held = {name: getattr(value, name) for name in fields if name == "kind" or _is_set(value, name)}
        return _shape(held, left_out)
    if isinstance(value, Mapping):
        shapes = {str(name): _shape(item, left_out) for name, item in value.items() if name not in left_out}
        return {name: shape for name, shape in shapes.items() if shape != {}}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_shape(item, left_out) for item in value]
    return value


def _is_set(part: BaseModel, name: str) -> bool:
    default = type(part).model_fields[name].get_default(call_default_factory=True, validated_data={})
    return bool(getattr(part, name) != default)


def _digest(shape: Any) -> str:
    return hashlib.sha256(canonical(shape).encode()).hexdigest()[:16]
