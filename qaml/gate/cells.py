"""Every cell that a session's claims measured, with its evidence, read from the store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from qaml.gate.baseline import Evidence
from qaml.plan.canonical import canonical
from qaml.plan.claims import ClaimPlan
from qaml.plan.digest import digest
from qaml.plan.kinds import KINDS
from qaml.plan.step import Step
from qaml.run.arrays import read_arrays
from qaml.run.store import Store
from qaml.session.session import Session

PREDICTIONS = "predictions.npz"
WEIGHTS = "weights.safetensors"


class GatedCell(NamedTuple):
    """One cell as measured now; attributes as of ``baseline.Recorded``.

    Attributes:
        code: digest of the code that attacks and scores.
        versions: versions of the libraries that this code uses.
        is_fixed: whether the weights are a user's own, used unchanged.
        line: line of the first claim that measured it, in its spec.
        file: path of that spec.
    """

    evidence: Evidence
    data: str
    measure: str
    code: str
    versions: Mapping[str, str]
    weights: tuple[str, ...]
    is_fixed: bool
    file: str
    line: int


def measured_cells(session: Session) -> dict[str, GatedCell]:
    """The cells of the selected claims whose steps are done, by name."""
    cells: dict[str, GatedCell] = {}
    for claim in session.plan.claims.values():
        for name, cell in _of_claim(session, claim):
            cells.setdefault(name, cell)
    return dict(sorted(cells.items()))


def _of_claim(session: Session, claim: ClaimPlan) -> Iterator[tuple[str, GatedCell]]:
    store, suite = session.store, claim.suite
    steps = session.plan.steps
    where = (str(suite.path), claim.entry.line)
    for model, own in claim.models.items():
        is_fixed = suite.models[model].part.is_trained
        if _are_done(store, own.clean):
            evidence = _evidence(store, own.clean)[0.0]
            weights = _digests(store, own.trains)
            yield (
                f"{suite.name}/{model}/clean",
                GatedCell(evidence, _data(own.load), *_measure((), own.clean[0]), weights, is_fixed, *where),
            )
    for (model, attack), made in claim.attacks.items():
        own = claim.models[model]
        if not _are_done(store, made.scores):
            continue
        makers = [steps[key] for craft in made.crafts for role, key in craft.parents.items() if role.kind == "train"]
        is_fixed = all(bool(step.payload["model"].is_trained) for step in (*own.trains, *makers))
        weights = _digests(store, (*own.trains, *makers))
        measure = _measure(made.crafts, made.scores[0])
        for epsilon, evidence in _evidence(store, made.scores).items():
            cell = GatedCell(evidence, _data(own.load), *measure, weights, is_fixed, *where)
            yield f"{suite.name}/{model}/{attack}@{epsilon:g}", cell


def _are_done(store: Store, steps: Sequence[Step]) -> bool:
    return bool(steps) and all(store.has(step.key) for step in steps)


def _evidence(store: Store, steps: Sequence[Step]) -> dict[float, Evidence]:
    """Budget → which decisions were right, one row a training run; budget 0 means clean images."""
    seeds = [read_arrays(store.read(step.key, PREDICTIONS)) for step in steps]
    correct = np.stack([arrays["correct"] for arrays in seeds])
    indices = seeds[0]["indices"].astype(np.int64)
    return {float(e): Evidence(correct[:, i], indices) for i, e in enumerate(seeds[0]["epsilons"])}


def _digests(store: Store, trains: Sequence[Step]) -> tuple[str, ...]:
    """A digest of each training run's weights, independent of code; the step's key for a run missing in the store."""
    found = []
    for step in trains:
        entry = store.manifest(step.key).files.get(WEIGHTS) if store.has(step.key) else None
        found.append((step.key if entry is None else entry.sha256)[:16])
    return tuple(found)


def _data(load: Step) -> str:
    """A digest of the dataset's declaration and checksums; of foreign datasets also of their code and what it reads."""
    return _digest([load.payload, load.code.code if load.code.is_foreign else ""])


def _measure(crafts: Sequence[Step], score: Step) -> tuple[str, str, Mapping[str, str]]:
    """The attack and the scoring, without the models: digest of settings, digest of code, and library versions.

    They are apart because code changes with every second commit, whose effect on accuracies the gate is to measure.
    """
    settings: list[Any] = [score.payload["epsilons"], score.payload["classifier"]["inference"]]
    modules = {KINDS[score.kind].module}
    for craft in crafts[:1]:
        names = [name for name in craft.payload if name not in ("classifier", "classifiers", "dataset", "images")]
        settings.append({name: craft.payload[name] for name in names})
        attack = craft.payload["attack"]
        modules |= {KINDS["attack"].module, type(attack).__module__, *attack.source_modules}
    code = digest(modules)
    return _digest(settings), code.code[:16], dict(code.versions)


def _digest(content: Any) -> str:
    return hashlib.sha256(canonical(content).encode()).hexdigest()[:16]
