"""Estimates of what steps take against what they took, where only shipped records are known.

The steps are those that ``make bench`` has run in this folder. ``python benchmarks/performance/costs.py STORE…`` makes
the shipped records anew from stores in which qaml's own suites were run on a machine that did nothing else; passes
through models, and sizes of datasets, are kept where the file has them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from qaml.doctor.examination import needed, timed
from qaml.errors import QamlError
from qaml.run.costs.estimate import PASS, SHIPPED, TEST, TRAIN, Costs, rates, shipped, speed
from qaml.run.costs.records import Record, noted
from qaml.run.costs.work import Work, model_name, source_of
from qaml.run.dataset import loaded
from qaml.run.store import Store
from qaml.spec.load import find_specs, load_suite
from qaml.spec.suite import Suite
from qaml.vocab import ProfileName

ROOT = Path(__file__).parents[2]
PROFILES: Sequence[ProfileName] = ("quick", "standard", "paper")
LEAST_RATIO, MOST_RATIO, LEAST_SHARE = 0.7, 1.4, 0.8
"""Limits of the estimated over the real sum, and of the share of steps within a factor of two."""


def rows() -> list[dict[str, Any]]:
    """The sum of all estimates, and the share of steps that are near theirs."""
    ran = [record for record in noted(ROOT / ".qaml" / "store") if record.work.names[-1] not in (PASS, TRAIN, TEST)]
    if not ran:
        print("no steps were run here: 'make bench' comes first", file=sys.stderr)
        return []
    costs = Costs({}, Store(ROOT / "no-store"))
    pairs = [(costs.estimate(record.work, 1.0), record.seconds) for record in ran]
    whole = sum(expected for expected, _ in pairs) / sum(seconds for _, seconds in pairs)
    near = sum(0.5 <= expected / seconds <= 2.0 for expected, seconds in pairs) / len(pairs)
    about = f"estimates of {len(pairs):,} steps from shipped records"
    row = {"unit": "", "peer": "seconds of a processor that they took", "bar": LEAST_RATIO}
    return [
        row | {"name": f"{about}, sum", "value": whole, "ratio": whole, "holds": LEAST_RATIO <= whole <= MOST_RATIO},
        row
        | {"name": f"{about}, share within a factor of 2", "value": near, "ratio": None}
        | {"bar": LEAST_SHARE, "holds": near >= LEAST_SHARE},
    ]


def suites() -> Iterator[tuple[ProfileName, Suite]]:
    """All suites in ``specs`` at all profiles."""
    for profile in PROFILES:
        for path in find_specs([ROOT / "specs"]):
            yield profile, load_suite(path, profile)


def passes() -> Iterator[Record]:
    """A pass through every model of all suites, and the examples of every dataset that is on this machine."""
    known = shipped().rates
    for profile, suite in suites():
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
            source = source_of(dataset)
            sizes = known.sizes.get(source)
            if sizes is None:
                with suppress(QamlError):
                    data, *_ = loaded(dataset)
                    yield Record(Work((TRAIN,), float(len(data.train)), source), 1.0, 1.0)
                    yield Record(Work((TEST,), float(len(data.test)), source), 1.0, 1.0)
            else:
                yield Record(Work((TRAIN,), float(sizes.train), source), 1.0, 1.0)
                yield Record(Work((TEST,), float(sizes.test), source), 1.0, 1.0)


def main() -> None:
    """Write the shipped records, from the stores that are named."""
    found = rates([*passes(), *(record for name in sys.argv[1:] for record in noted(Path(name)))])
    content = {
        "speed": round(speed(), 5),
        "least": {kind: round(seconds, 4) for kind, seconds in sorted(found.least.items())},
        "sizes": dict(sorted(found.sizes.items())),
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
