"""A realistic file of outcomes with all that a report must survive: every verdict, findings, NaN, infinities."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PIL import Image

from qaml.outcome.drawings import Curve, Picture, Strip, TrainingCurve
from qaml.outcome.history import cell_name, with_earlier
from qaml.outcome.outcome import (
    CellValue,
    Failure,
    Finding,
    Measurement,
    Outcome,
    Outcomes,
    Provenance,
    ReportedCell,
    ReportedValues,
    SuiteInfo,
)
from qaml.outcome.past import CellChange, Past, Regression
from qaml.outcome.record import Interval
from qaml.vocab import Verdict

RIVALS = ("cnn-adv", "cnn-squeezed", "cnn-smoothed")
ATTACKS = ("fgsm", "deepfool", "cw")
NAN = math.nan
PAPER = {
    "fgsm": (0.1339, 0.2024, 0.1854, 0.8118),
    "deepfool": (0.0921, 0.1102, 0.1433, 0.5017),
    "cw": (0.2110, 0.1805, 0.2401, 0.6140),
}
OURS = {
    "fgsm": (0.307, 0.121, 0.178, 0.431),
    "deepfool": (0.352, 0.198, 0.241, 0.309),
    "cw": (0.411, 0.366, 0.349, 0.319),
}
VERDICTS: dict[tuple[str, str], Verdict] = {
    ("cnn-adv", "deepfool"): "refuted",
    ("cnn-adv", "cw"): "refuted",
    ("cnn-squeezed", "cw"): "refuted",
    ("cnn-smoothed", "cw"): "refuted",
    ("cnn-smoothed", "deepfool"): "inconclusive",
    ("cnn-squeezed", "fgsm"): "invalid",
    ("cnn-smoothed", "fgsm"): "invalid",
}
ASSUMED = {
    "attacks.fgsm.epsilon": "the paper names no epsilon; swept in claim rbm-curve",
    "accuracy": "the text defines robustness as the share misclassified while the tables call it accuracy",
}


def interval(value: float, half: float, seeds: int = 5, images: int = 1000) -> Interval:
    generator = np.random.default_rng(int(abs(value) * 1e6) + seeds)
    per_seed = tuple(float(v) for v in value + half * 0.6 * generator.standard_normal(seeds))
    return Interval(
        value=value,
        low=value - half,
        high=value + half * 1.05,
        per_seed=per_seed,
        n_seeds=seeds,
        n_images=images,
        method="crossed random effects, t over 5 seeds",
    )


def cell(model: str, attack: str, value: float, half: float = 0.03, paper: float | None = None) -> CellValue:
    names = (attack,) if attack else ()
    return CellValue(
        label=f"{model} under {attack}" if attack else f"{model}, clean",
        model=model,
        attack=names,
        metric="robust_accuracy" if attack else "clean_accuracy",
        epsilon=0.1 if attack else None,
        protocol="budgeted",
        estimate=interval(value, half),
        paper=paper,
        surrogate="cnn" if "transfer" in attack else None,
    )


def transfer_finding(model: str) -> Finding:
    return Finding(
        name="transfer_beats_white_box",
        severity="weak",
        model=model,
        attack="fgsm",
        message="adversarials made on cnn leave 32.4 % correct, the strongest white-box attack 43.1 % (500 images)",
        means=f"the gradient of {model} is masked: its robust accuracy is an upper bound",
        remedy="attack with transfer from a surrogate, random restarts or autoattack",
    )


PROVENANCE = Provenance(
    artefacts={
        "load mnist28": "9f2c81d0aa41",
        "train rbm, seed 0": "51ab77e02c9d",
        "attack rbm with fgsm, seed 0": "c0ffee12ab34",
    },
    versions={"torch": "2.13.0", "numpy": "2.4.6", "foolbox": "3.3.4"},
    data={"mnist28": "sha256:440fcabf73cc"},
    seeds={"rbm": 5, "cnn-adv": 3},
    commit="b0a14d1+",
    machine="2 cores, 8 GB, Linux",
    seconds=1834.2,
)


def outcome(identifier: str, statement: str, **fields: object) -> Outcome:
    base: dict[str, object] = {
        "suite": "kehoe2021",
        "id": identifier,
        "statement": statement,
        "kind": "difference",
        "profile": "standard",
        "verdict": "supported",
        "reason": "",
        "measured": (),
        "provenance": PROVENANCE,
        "spec_file": "specs/kehoe2021.yaml",
        "spec_line": 41,
        "spec_yaml": f"- id: {identifier}\n  kind: difference\n  metric: robust_accuracy\n  at_least: 0.05\n",
        "replay": f'pytest benchmarks/ -k "{identifier}" --qaml-profile standard',
    }
    return Outcome.model_validate(base | fields)


def curves(rival: str, attack: str) -> tuple[Curve, ...]:
    grid = (0.05, 0.1, 0.2, 0.3)
    drawn = []
    for model, worst, values in (
        ("rbm", False, (0.66, 0.43, 0.22, 0.18)),
        ("rbm", True, (0.58, 0.32, 0.11, 0.08)),
        (rival, False, (0.78, 0.31, 0.12, NAN)),
    ):
        lows, highs = tuple(v - 0.03 for v in values), tuple(v + 0.03 for v in values)
        name = f"{attack} + transfer" if worst else attack
        drawn.append(
            Curve(
                model=model,
                attack=name,
                metric="robust_accuracy" if worst else "accuracy_under_attack",
                epsilons=grid,
                values=values,
                lows=lows,
                highs=highs,
                is_worst_case=worst,
            )
        )
    return tuple(drawn)


def training(rival: str) -> tuple[TrainingCurve, ...]:
    epochs = np.arange(1, 101)
    generator = np.random.default_rng(5)
    rbm = tuple(
        tuple((0.9 * np.exp(-epochs / 14) + 0.21 + 0.015 * generator.standard_normal(100)).tolist()) for _ in range(5)
    )
    cnn = tuple((0.6 / np.arange(1, 6) + 0.02 * generator.random(5)).tolist() for _ in range(3))
    return (
        TrainingCurve(model="rbm", name="reconstruction_error", seeds=rbm),
        TrainingCurve(model=rival, name="loss", seeds=tuple(tuple(seed) for seed in cnn)),
    )


def comparison(rival: str, attack: str) -> Outcome:
    ours, paper = OURS[attack], PAPER[attack]
    index = RIVALS.index(rival)
    value = ours[3] - ours[index]
    verdict = VERDICTS.get((rival, attack), "supported")
    is_known = verdict in ("invalid", "refuted")
    return outcome(
        f"rbm-beats-{rival}-under-{attack}",
        f"The RBM keeps at least 5 points more robust accuracy than {rival} under {attack}.",
        case={"rival": rival, "attack": attack},
        verdict=verdict,
        reason=f"the difference is {value * 100:+.1f} points, at least 5 are needed",
        expected=verdict if is_known else "supported",
        because="gradient masking: a transferred attack beats the white-box one" if is_known else "",
        expected_findings=("transfer_beats_white_box",) if verdict == "invalid" else (),
        paper_says="supported",
        measured=(
            Measurement(
                label=f"rbm − {rival}", estimate=interval(value, 0.044), at_least=0.05, paper=paper[3] - paper[index]
            ),
        ),
        cells=(
            cell("rbm", attack, ours[3], paper=paper[3]),
            cell(rival, attack, ours[index], paper=paper[index]),
            cell("rbm", "", 0.881, 0.008),
            cell(rival, "", 0.978, 0.004),
        ),
        findings=(transfer_finding("rbm"),) if verdict == "invalid" or attack == "fgsm" else (),
        curves=curves(rival, attack),
        training=training(rival),
        strips=(strip(attack),),
        assumed=ASSUMED,
    )


def strip(attack: str) -> Strip:
    pictures = []
    for i, (true, wrong) in enumerate((("7", "3"), ("2", "2"), ("1", "8"), ("0", "6"), ("4", "9"), ("9", "4"))):
        pictures.append(
            Picture(
                clean=f"media/clean-{i}.png",
                adversarial=f"media/adversarial-{i}.png",
                perturbation=f"media/delta-{i}.png",
                true_label=true,
                clean_label=true,
                clean_confidence=0.98 - 0.03 * i,
                adversarial_label=wrong,
                adversarial_confidence=0.51 + 0.07 * i,
                norm=0.1,
            )
        )
    return Strip(
        model="rbm", attack=attack, epsilon=0.1, caption="The first six test images.", pictures=tuple(pictures)
    )


def oddities() -> list[Outcome]:
    """Claims at the edges: no interval, one seed, infinite norms, equal values, nothing measured, many numbers."""
    bound = {"kind": "bound"}
    ladder = tuple(
        Measurement(label=f"{m} under {a}", estimate=interval(OURS[a][i], 0.03, 3), paper=PAPER[a][i])
        for a in ATTACKS
        for i, m in enumerate((*RIVALS, "rbm"))
    )
    endless = Interval(value=math.inf, low=1.9, high=math.inf, n_seeds=1, n_images=100, method="order statistics")
    bare = Interval(value=0.431, low=NAN, high=NAN)
    return [
        outcome(
            "rbm-clean",
            "The RBM classifies at least 85 % of clean digits.",
            **bound,
            measured=(
                Measurement(
                    label="rbm, clean", estimate=interval(0.8812, 0.0061, 5, 10000), at_least=0.85, paper=0.9112
                ),
            ),
            cells=(cell("rbm", "", 0.8812, 0.0061),),
        ),
        outcome(
            "cnn-clean-one-seed",
            "The CNN classifies every clean digit it was shown.",
            **bound,
            measured=(
                Measurement(
                    label="cnn, clean",
                    estimate=Interval(value=1.0, low=1.0, high=1.0, per_seed=(1.0,), n_images=50),
                    at_least=0.95,
                ),
            ),
            notes=("one seed: this is about this trained model",),
            cells=(cell("cnn", "", 1.0, 0.0),),
        ),
        outcome(
            "rbm-no-interval",
            "The RBM keeps at most 60 % under transfer.",
            **bound,
            verdict="inconclusive",
            measured=(Measurement(label="rbm", estimate=bare, at_most=0.6),),
            cells=(cell("rbm", "transfer", 0.324),),
        ),
        outcome(
            "rbm-median-norm",
            "Half of the images need an L2 perturbation of at least 1.5.",
            kind="bound",
            unit="norm",
            measured=(Measurement(label="median norm", estimate=endless, at_least=1.5, paper=2.25),),
        ),
        outcome(
            "cnn-median-norm",
            "Half of the images fall to an L2 perturbation of at most 0.3.",
            kind="bound",
            unit="norm",
            verdict="refuted",
            measured=(
                Measurement(
                    label="median norm",
                    estimate=Interval(
                        value=0.524, low=0.481, high=0.571, per_seed=(0.5, 0.53, 0.54), n_seeds=3, n_images=500
                    ),
                    at_most=0.3,
                    paper=0.185,
                ),
            ),
        ),
        outcome(
            "rbm-unmeasured",
            "The RBM's margin is above the precision of its logits.",
            **bound,
            verdict="invalid",
            reason="the logits of one seed are not finite",
            findings=(
                transfer_finding("rbm").model_copy(
                    update={
                        "name": "non_finite_logits",
                        "severity": "void",
                        "message": "12 of 500 images have non-finite logits",
                    }
                ),
                transfer_finding("rbm").model_copy(
                    update={"name": "eot", "assessed": False, "severity": "note", "message": "fewer than 100 images"}
                ),
            ),
        ),
        outcome(
            "table1-reported",
            "The paper's Table 1 is reproduced.",
            kind="reported",
            verdict="refuted",
            measured=ladder,
            cells=tuple(
                cell(m, a, OURS[a][i], paper=PAPER[a][i]) for a in ATTACKS for i, m in enumerate((*RIVALS, "rbm"))
            ),
        ),
    ]


def sample(n_copies: int = 1) -> Outcomes:
    """The outcomes; ``n_copies`` repeats the comparisons under other suite names for measurements at scale."""
    claims = [comparison(rival, attack) for rival in RIVALS for attack in ATTACKS] + oddities()
    for copy in range(1, n_copies):
        claims += [c.model_copy(update={"suite": f"copy{copy}"}) for c in claims[:16]]
    cells = tuple(
        ReportedCell(
            model=m,
            attack=a,
            paper=PAPER[a][i],
            ours=None if (a, m) == ("cw", "cnn-smoothed") else interval(OURS[a][i], 0.03),
        )
        for a in ATTACKS
        for i, m in enumerate((*RIVALS, "rbm"))
    )
    table = ReportedValues(
        name="Table 1",
        metric="accuracy_under_attack",
        protocol="as_published",
        columns=(*RIVALS, "rbm"),
        rows=ATTACKS,
        cells=cells,
    )
    info = SuiteInfo(
        name="kehoe2021",
        title="Boltzmann machines as a defence against adversarial attacks",
        citation="Kehoe, Wittek, Xue, Pozas-Kerstjens 2021",
        arxiv="2012.11619",
        summary="The RBM beats every defended CNN in the paper. Here it does under DeepFool; under FGSM its gradient is"
        " masked, and a transferred attack takes it from 43 % to 32 %.",
        assumed=ASSUMED,
        tables=(table,),
    )
    failure = Failure(
        suite="kehoe2021", id="rbm-curve", message="the artefact store is full: 12 MB needed\n  hint: qaml store prune"
    )
    run = Outcomes(
        created="2026-11-20T14:03:11Z",
        profile="standard",
        seconds=7890.0,
        suites=(info,),
        outcomes=tuple(claims),
        failures=(failure,),
        regression=REGRESSION,
    )
    return with_earlier(run, [past(run, days_ago) for days_ago in (3, 2, 1)])


REGRESSION = Regression(
    created="2026-10-02T08:00:00Z",
    commit="0123456789ab",
    level=0.01,
    changes=(
        CellChange(
            cell="kehoe2021/rbm/fgsm@0.1",
            status="worse",
            before=0.51,
            after=0.431,
            drop=Interval(value=0.079, low=0.05, high=0.108),
            detectable=0.045,
            why="5 further training runs",
            file="specs/kehoe2021.yaml",
            line=12,
        ),
        CellChange(cell="kehoe2021/rbm/cw@0.1", status="not comparable", before=0.3, after=0.32, why="another dataset"),
        CellChange(cell="kehoe2021/cnn-adv/clean", status="new", before=None, after=0.97),
        CellChange(cell="kehoe2021/old/clean", status="vanished", before=0.9, after=None),
    ),
)


def past(run: Outcomes, days_ago: int) -> Past:
    """An earlier run: other values, a turned verdict, and a cell of which there was no number."""
    cells = {cell_name(o.suite, c): c for o in run.outcomes for c in o.cells}
    numbers = {
        name: tuple(v + 0.01 * days_ago for v in (c.estimate.value, c.estimate.low, c.estimate.high))
        for name, c in cells.items()
    }
    numbers[next(iter(numbers))] = (NAN, NAN, NAN) if days_ago == 2 else (0.9, 0.88, 0.92)
    verdicts = {o.node: o.verdict for o in run.outcomes[1:]}
    verdicts[run.outcomes[1].node] = "inconclusive"
    return Past(
        created=f"2026-11-{20 - days_ago}T09:00:00Z",
        profile=run.profile,
        commit=f"{days_ago:012x}",
        cells=numbers,
        metrics={name: c.metric for name, c in cells.items()},
        verdicts=verdicts,
    )


def write_media(folder: Path) -> None:
    """Small digits-like images for the strips."""
    (folder / "media").mkdir(parents=True, exist_ok=True)
    for i in range(6):
        generator = np.random.default_rng(i)
        y, x = np.mgrid[0:28, 0:28]
        ring = np.exp(-((np.hypot(x - 14, (y - 14) * (0.6 + 0.1 * i)) - 7) ** 2) / 4)
        sign = generator.choice([-1.0, 1.0], size=(28, 28))
        attacked = np.clip(ring + 0.1 * sign, 0, 1)
        delta = (attacked - ring)[..., None]
        red, blue = np.array([178, 24, 43]), np.array([33, 102, 172])
        colour = 255 - np.abs(delta) * 10 * (255 - np.where(delta > 0, red, blue))
        Image.fromarray((ring * 255).astype(np.uint8)).save(folder / "media" / f"clean-{i}.png")
        Image.fromarray((attacked * 255).astype(np.uint8)).save(folder / "media" / f"adversarial-{i}.png")
        Image.fromarray(colour.clip(0, 255).astype(np.uint8)).save(folder / "media" / f"delta-{i}.png")
