"""Makes ``qaml/run/costs/shipped.json`` from stores in which qaml's own suites were run on this machine, alone.

``python benchmarks/performance/shipped_costs.py STORE…`` after ``make bench`` and a run at ``standard``. Steps are
found by their kind and seed, which code does not change; a pass is measured through every model
that the file does not have yet.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from qaml.doctor.examination import needed, timed
from qaml.errors import QamlError
from qaml.plan.plan import Plan, make_plan
from qaml.run.costs.estimate import PASS, SHIPPED, Costs, rates, shipped, speed
from qaml.run.costs.records import Record
from qaml.run.costs.work import Sizes, Work, model_name, source_of
from qaml.run.dataset import loaded
from qaml.run.store import Store
from qaml.spec.load import find_specs, load_suite
from qaml.vocab import ProfileName

SPECS = Path(__file__).parents[2] / "specs"
PROFILES: Sequence[ProfileName] = ("quick", "standard", "paper")
Made = Mapping[tuple[str, int], tuple[float, Path]]


def planned(profile: ProfileName) -> Plan:
    """The plan of all suites in ``specs``."""
    suites = [load_suite(path, profile) for path in find_specs([SPECS])]
    return make_plan((suite, claim) for suite in suites for claim in suite.claims)


def made(stores: Sequence[Path]) -> Made:
    """(kind, seed) → seconds and folder of each artefact."""
    found = {}
    for root in stores:
        store = Store(root)
        for key in list(store.keys()):
            provenance = store.manifest(key).provenance
            found[provenance["kind"], provenance["seed"]] = (float(provenance["seconds"]), store.folder(key))
    return found


def records(plan: Plan, there: Made, known: Mapping[str, tuple[str, Sizes]]) -> Iterator[Record]:
    """What the plan's steps took in these stores."""
    costs = Costs(plan.steps, Store(Path("none")))
    costs.sizes_of.update((key, sizes) for key, (_, sizes) in known.items())
    for step in plan.steps.values():
        if (step.kind, step.seed) in there:
            yield Record(costs.work(step), max(there[step.kind, step.seed][0], 1e-3), 1.0)


def sizes_of(plan: Plan) -> dict[str, tuple[str, Sizes]]:
    """Key of a loading step → source and sizes of its dataset, if it is on this machine."""
    found = {}
    for step in plan.steps.values():
        if step.kind == "load":
            with suppress(QamlError):
                data, *_ = loaded(step.payload["dataset"])
                found[step.key] = (source_of(step.payload["dataset"]), Sizes(len(data.train), len(data.test)))
    return found


def passes(profile: ProfileName) -> Iterator[Record]:
    """A pass through every model of all suites."""
    known = shipped().rates
    for suite in (load_suite(path, profile) for path in find_specs([SPECS])):
        for name in needed(suite).models:
            entry = suite.models[name]
            dataset = suite.datasets[entry.dataset]
            names = [model_name(entry.part, dataset, is_training=is_training) for is_training in (False, True)]
            found = {model: known.passes[model] for model in names if model in known.passes}
            if not found:
                found = dict(timed(entry, dataset, lambda _: None).passes(suite))
                print(f"{profile} {suite.name} {name}: {found}")
            for model, seconds in found.items():
                yield Record(Work((PASS,), 1.0, model), seconds, 1.0)


def main() -> None:
    """Write the file."""
    there = made([Path(name) for name in sys.argv[1:]])
    plans = [planned(profile) for profile in PROFILES]
    sizes = [sizes_of(plan) for plan in plans]
    measured = {record.work.model: record for profile in PROFILES for record in passes(profile)}
    ran = (record for plan, known in zip(plans, sizes, strict=True) for record in records(plan, there, known))
    found = rates([*measured.values(), *ran])
    known = dict(pair for each in sizes for pair in each.values())
    content = {
        "speed": round(speed(), 5),
        "least": {kind: round(seconds, 4) for kind, seconds in sorted(found.least.items())},
        "sizes": dict(sorted(known.items())),
        "passes": {model: float(f"{seconds:.3g}") for model, seconds in sorted(found.passes.items())},
        "kin": _short(found.kin),
        "sums": _short(found.sums),
    }
    SHIPPED.write_text(json.dumps(content, separators=(",", ":")).replace("],", "],\n") + "\n", encoding="utf-8")
    print(f"{SHIPPED}: {len(found.sums)} names")


def _short(sums: Mapping[str, tuple[float, float]]) -> dict[str, list[float]]:
    return {name: [float(f"{each:.4g}") for each in pair] for name, pair in sorted(sums.items())}


if __name__ == "__main__":
    main()
