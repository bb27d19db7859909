"""Evidence of one claim by the suite's names, read from the artefacts of its steps."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from qaml.attacks.elsewhere import computing, makers
from qaml.errors import PartError
from qaml.judge.detections import Predictions, detect
from qaml.judge.source import Repeats, Source
from qaml.metrics.evidence import Attacked, AttackTraits, Clean, Diagnosis, Distances, Nearer
from qaml.plan.role import Role, RoleKind
from qaml.run.arrays import read_arrays
from qaml.types import AnyArray, BoolArray, IntArray

if TYPE_CHECKING:
    from qaml.attacks.base import AttackPart
    from qaml.claims.base import ReportedTable
    from qaml.claims.detectors.base import DetectorPart
    from qaml.judge.source import Detections
    from qaml.plan.judged import Surrogate

Read = Callable[[Role, str], Path]
BATTERY = "correct_"
WHERE_MEASURED = (
    *("low_frequency", "shots", "within_noise", "fidelity", "unanswered", "outside", "asked", "maker_unanswered"),
    *("logit_gap", "logit_factor", "queries", "spent"),
)
"""Arrays of answers to adversarials that not every model and attack has."""


class StoreSource(Source):
    """Implements ``judge.source.Source`` over a claim's parents.

    Args:
        parents: role → key, of the judging step's parents.
        read: (role, file name) → path of a parent's file.
        attacks: name → attack that the claim uses, or that its transferred attacks are made with.
        tables: name → reported table of the suite.
        detectors: name → detector that the claim is about.
        surrogates: name → model that the claim's attacks are made on and that has a reference accuracy.
    """

    def __init__(
        self,
        parents: Mapping[Role, str],
        read: Read,
        attacks: Mapping[str, AttackPart],
        tables: Mapping[str, ReportedTable],
        detectors: Mapping[str, DetectorPart] = MappingProxyType({}),
        surrogates: Mapping[str, Surrogate] = MappingProxyType({}),
    ) -> None:
        self._parents = parents
        self._read = read
        self._attacks = attacks
        self._tables = tables
        self._detectors = detectors
        self._surrogates = surrogates
        self._cache: dict[Role, dict[str, AnyArray]] = {}

    def _arrays(self, role: Role, name: str) -> dict[str, AnyArray]:
        if role not in self._cache:
            self._cache[role] = read_arrays(self._read(role, name))
        return self._cache[role]

    def _runs(self, kind: RoleKind, model: str, attack: str = "") -> list[Role]:
        """The parents of one kind, in the order of training runs or budgets."""
        return sorted(role for role in self._parents if role[:3] == (kind, model, attack))

    def clean(self, model: str) -> Clean:
        """The model's answers to clean test images."""
        seeds = self._predictions(self._runs("clean", model))
        correct = np.stack([arrays["correct"][0] for arrays in seeds])
        of_circuits = {
            name: np.stack([arrays[name][0] for arrays in seeds]) if name in seeds[0] else None
            for name in ("shots", "within_noise", "unanswered")
        }
        clean = Clean(
            correct,
            seeds[0]["indices"],
            int(seeds[0]["draws"]),
            **of_circuits,
            asked=np.stack([arrays["asked"] for arrays in seeds]) if "asked" in seeds[0] else None,
            majority=_majority(seeds[0]["labels"]) if "labels" in seeds[0] else None,
        )
        beside = self._beside(model)
        return clean if beside is None else _instead(clean, beside)

    def _beside(self, model: str) -> list[dict[str, AnyArray]] | None:
        """Predictions that hold clean answers between those to an attack, of all images that the claim attacks."""
        attacks = sorted({role.attack for role in self._parents if role[:2] == ("attack", model)})
        runs = [self._predictions(self._runs("attack", model, attack)) for attack in attacks]
        most = max(runs, key=lambda seeds: len(seeds[0]["indices"]), default=None)
        if most is None or "beside" not in most[0]:
            return None
        known = set(most[0]["indices"].tolist())
        return most if all(known.issuperset(seeds[0]["indices"].tolist()) for seeds in runs) else None

    def attacked(self, model: str, attack: str) -> Attacked:
        """The model's answers to the attack's adversarials."""
        seeds = self._predictions(self._runs("attack", model, attack))
        is_transferred = bool(makers(self._attacks, attack))
        stacked = {name: np.stack([arrays[name] for arrays in seeds]) for name in seeds[0] if name != "draws"}
        return Attacked(
            correct=stacked["correct"],
            epsilons=tuple(float(e) for e in seeds[0]["epsilons"]),
            indices=seeds[0]["indices"],
            norms=None if is_transferred else stacked.get("norms"),  # those are the surrogate's
            draws=int(seeds[0]["draws"]),
            # claimed for the surrogate, or by other answers than these shots
            claimed=None if is_transferred or "counted" in stacked else stacked["claimed"],
            **{name: stacked.get(name) for name in WHERE_MEASURED},
        )

    def traits(self, attack: str) -> AttackTraits:
        """The attack's configuration, as far as findings need it."""
        inner = computing(self._attacks, attack)
        surrogate = " + ".join(makers(self._attacks, attack)) or None
        return AttackTraits(
            name=attack,
            norm=inner.threat_norm,
            is_iterative=inner.is_iterative,
            minimises=inner.minimises,
            is_white_box=inner.is_white_box and surrogate is None,
            surrogate=surrogate,
            reach={epsilon: inner.reach(epsilon) for epsilon in inner.grid},
            is_exact=inner.needs_exact and surrogate is None,
            is_search=inner.is_search,
            box=inner.box,
            asks=inner.asks if surrogate is None else None,
        )

    def diagnosis(self, model: str, attack: str) -> Diagnosis | None:
        """The battery of this model under the attack's threat, and whether the attack misses planted adversarials."""
        role = Role("battery", model, attack)
        if role not in self._parents:
            return None
        plant = Role("plant", model, attack)
        missed = self._arrays(plant, "planted.npz")["missed"] if plant in self._parents else np.zeros(0, dtype=bool)
        found = self._diagnosis(role)
        return found._replace(planted_missed=missed if missed.size else None, is_constant=self._is_constant(model))

    def weaker_diagnoses(self, model: str, attack: str) -> tuple[Diagnosis, ...]:
        """The battery's best member at smaller budgets, smallest first."""
        return tuple(self._diagnosis(role) for role in self._runs("weaker", model, attack))

    def _diagnosis(self, role: Role) -> Diagnosis:
        arrays = self._arrays(role, "diagnosis.npz")
        n = len(arrays["indices"])
        return Diagnosis(
            epsilon=float(arrays["epsilon"]),
            indices=arrays["indices"],
            clean_correct=arrays["clean_correct"] > 0.5,
            correct={name.removeprefix(BATTERY): arrays[name] for name in arrays if name.startswith(BATTERY)},
            zero_gradient=arrays.get("zero_gradient", np.zeros(n, dtype=bool)),
            non_finite=int(arrays.get("non_finite", 0)),
            outside=int(arrays["outside"]),
            outputs_are_probabilities=bool(arrays.get("outputs_are_probabilities", False)),
            margin_below_precision=arrays.get("margin_below_precision"),
            below_exact=int(arrays.get("below_exact", 0)),
            runs=arrays.get("runs"),
            draws=int(arrays.get("draws", 1)),
            unanswered=int(arrays.get("unanswered", 0)),
        )

    def distances(self, model: str, attack: str) -> Distances | None:
        """The attack's norms without bounds and the exact distances; ``None`` if the model has none."""
        role = Role("exact", model, attack)
        if role not in self._parents:
            return None
        arrays = self._arrays(role, "exact.npz")
        return Distances(**arrays) if arrays["exact"].size else None

    def nearer(self, model: str, attack: str) -> Nearer | None:
        """The norms that other attacks find, if the claim is about the norms that this attack found; else ``None``."""
        role = Role("nearer", model, attack)
        return Nearer(**self._arrays(role, "nearer.npz")) if role in self._parents else None

    def _is_constant(self, model: str) -> bool:
        predicted = self._arrays(self._runs("clean", model)[0], "predictions.npz")["predicted"]
        return len(np.unique(predicted)) == 1

    def detections(self, detector: str) -> Detections:
        """The images that one detector flagged."""
        read = Predictions(
            lambda model: self._predictions(self._runs("clean", model)),
            lambda model, attack: self._predictions(self._runs("attack", model, attack)),
        )
        return detect(self._detectors[detector], self._attacks, read)

    def repeats(self, model: str) -> Repeats:
        """Numbers of test examples of the model's dataset, and of those among its training examples."""
        record = self._json(Role("data", model), "dataset.json")
        return Repeats(int(record["test_in_training"]), int(record["n_test"]))

    def surrogates(self) -> Mapping[str, Surrogate]:
        """The models that attacks are made on and that have a reference accuracy, by name."""
        return self._surrogates

    def _predictions(self, roles: Sequence[Role]) -> list[dict[str, AnyArray]]:
        return [self._arrays(role, "predictions.npz") for role in roles]

    def weights_of(self, model: str) -> str:
        """The key of the first training run, which models that are derived from one another share."""
        return self._parents.get(Role("train", model, replicate=0), model)

    def history(self, model: str) -> tuple[dict[str, list[float]], ...]:
        """Training curves, one dictionary a seed."""
        return tuple(self._json(role, "history.json") for role in self._runs("train", model))

    def inspections(self, model: str) -> tuple[dict[str, Any], ...]:
        """The results of inspecting the model's samples, one dictionary a seed."""
        return tuple(self._json(role, "inspection.json") for role in self._runs("inspect", model))

    def _json(self, role: Role, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self._read(role, name).read_text())
        return content

    def counted(self) -> dict[str, list[dict[str, Any]]]:
        """The summary of each evaluation on a device (``run.counting.summary_of``), by model."""
        found: dict[str, list[dict[str, Any]]] = {}
        for role in sorted(role for role in self._parents if role.kind in ("clean", "attack")):
            if "counted" in self._arrays(role, "predictions.npz"):
                found.setdefault(role.model, []).append(self._json(role, "jobs.json"))
        return found

    def asked_devices(self) -> dict[tuple[str, str], int]:
        """Number of circuits with which each attack asked a device, by model and attack."""
        found: Counter[tuple[str, str]] = Counter()
        for role in self._parents:
            if role.kind == "attack" and "device_circuits" in (arrays := self._arrays(role, "predictions.npz")):
                found[role.model, role.attack] += int(arrays["device_circuits"])
        return dict(sorted(found.items()))

    def parameter(self, model: str, name: str) -> tuple[tuple[float, ...], ...]:
        """A trained parameter, one vector a seed."""
        from safetensors import safe_open

        found = []
        for role in self._runs("train", model):
            with safe_open(self._read(role, "weights.safetensors"), framework="numpy") as file:
                _check_name(model, name, sorted(file.keys()))
                found.append(tuple(float(value) for value in file.get_tensor(name).ravel()))
        return tuple(found)

    def reported(self, table: str) -> ReportedTable:
        """One of the suite's tables."""
        return self._tables[table]

    def drawn(self, kind: RoleKind, name: str) -> dict[Role, dict[str, Any]]:
        """The content of each drawing of one kind, by role."""
        return {role: self._json(role, name) for role in self._parents if role.kind == kind}


def _instead(clean: Clean, beside: Sequence[Mapping[str, AnyArray]]) -> Clean:
    """Clean evidence of what was measured between attacked images, in place of that of another time."""
    indices = beside[0]["indices"]
    places = {index: place for place, index in enumerate(clean.indices.tolist())}
    rows = np.asarray([places[index] for index in indices.tolist()], dtype=np.int64)
    return clean._replace(
        correct=np.stack([arrays["beside"] for arrays in beside]),
        indices=indices,
        unanswered=np.stack([arrays["beside_unanswered"] for arrays in beside]),
        shots=None if clean.shots is None else clean.shots[:, rows],
        within_noise=None if clean.within_noise is None else clean.within_noise[:, rows],
        majority=None if clean.majority is None else clean.majority[rows],
    )


def _majority(labels: IntArray) -> BoolArray:
    """Whether each image is of the most frequent class, (n,)."""
    names, counts = np.unique(labels, return_counts=True)
    return np.asarray(labels == names[counts.argmax()]) if len(labels) else np.zeros(0, dtype=bool)


def _check_name(model: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        close = difflib.get_close_matches(name, known, 1, 0.5)
        meant = f"did you mean {close[0]!r}? " if close else ""
        raise PartError(f"model {model!r} has no parameter {name!r}", f"{meant}its parameters: {', '.join(known)}")
