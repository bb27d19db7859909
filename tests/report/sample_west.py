"""Outcomes with transfers, class probabilities and a detector: five models, two attacks, one other dataset."""

from __future__ import annotations

import math

from qaml.outcome.drawings import ClassProbabilities, Curve, Picture, Roc, Strip
from qaml.outcome.outcome import CellValue, Measurement, Outcome, Outcomes, SuiteInfo
from qaml.outcome.record import Interval
from tests.report.sample import interval, outcome

MODELS = ("convnet", "resnet", "qvc200", "qvc500", "qvc1000")
GRID = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
STRENGTH = {"convnet": 30.0, "resnet": 26.0, "qvc200": 34.0, "qvc500": 33.0, "qvc1000": 31.0}
CLASSES = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
CAVEAT = "pixels decoded from a lossy copy: accuracies are not comparable with published ones"


def accuracy(source: str, target: str, epsilon: float) -> float:
    """Quantum attacks transfer to everything, classical ones to classical models."""
    if source == target:
        return 0.95 * math.exp(-STRENGTH[source] * epsilon)
    reaches = source.startswith("qvc") or not target.startswith("qvc")
    return 0.92 * math.exp(-(9.0 if reaches else 1.2) * epsilon)


def name(attack: str, source: str, target: str) -> str:
    return attack if source == target else f"{attack}@{source}"


def cell(attack: str, source: str, target: str, epsilon: float) -> CellValue:
    attack_name = name(attack, source, target)
    return CellValue(
        label=f"{target} under {attack_name}",
        model=target,
        attack=(attack_name,),
        metric="accuracy_under_attack",
        epsilon=epsilon,
        protocol="budgeted",
        estimate=interval(accuracy(source, target, epsilon), 0.02, images=250),
        surrogate=None if source == target else source,
    )


def curve(attack: str, source: str, target: str, *, is_worst_case: bool = False) -> Curve:
    values = tuple(accuracy(source, target, epsilon) for epsilon in (0.0, *GRID))
    return Curve(
        model=target,
        attack="worst case" if is_worst_case else name(attack, source, target),
        metric="robust_accuracy" if is_worst_case else "accuracy_under_attack",
        epsilons=(0.0, *GRID),
        values=values,
        lows=tuple(max(v - 0.02, 0.0) for v in values),
        highs=tuple(min(v + 0.02, 1.0) for v in values),
        is_worst_case=is_worst_case,
    )


def along(source: str, target: str, image: int = 4) -> ClassProbabilities:
    rows = []
    for epsilon in (0.0, *GRID):
        spread = 1.0 if not target.startswith("qvc") else 0.16
        true = accuracy(source, target, epsilon) * spread + (1 - spread) / 10
        rest = [0.6 if c == "T-shirt" else 0.2 if c == "Coat" else 0.2 / 7 for c in CLASSES if c != "Shirt"]
        shares = iter([(1 - true) * r for r in rest])
        rows.append(tuple(true if c == "Shirt" else next(shares) for c in CLASSES))
    return ClassProbabilities(image=image, epsilons=(0.0, *GRID), classes=CLASSES, values=tuple(rows))


def strip(attack: str, source: str, target: str) -> Strip:
    pictures = tuple(
        Picture(
            clean=f"media/clean-{i}.png",
            adversarial=f"media/adversarial-{i}.png",
            perturbation=f"media/delta-{i}.png",
            true_label="Shirt",
            clean_label="Shirt",
            clean_confidence=0.9,
            adversarial_label="T-shirt" if i % 2 else "Shirt",
            adversarial_confidence=0.6,
            norm=0.1,
            low_frequency=None if i == 5 else 0.1 + 0.1 * i,
        )
        for i in range(6)
    )
    surrogate = None if source == target else source
    return Strip(
        model=target,
        attack=name(attack, source, target),
        epsilon=0.3,
        caption=f"3 of these 6 images fool {target}.",
        pictures=pictures,
        surrogate=surrogate,
        probabilities=along(source, target),
    )


def roc(detector: str = "disagreement") -> Roc:
    thresholds = tuple(i / 20 for i in range(21))
    return Roc(
        detector=detector,
        thresholds=thresholds,
        true_positives=tuple(0.74 * (1 - t) ** 0.6 for t in thresholds),
        false_positives=tuple(0.23 * (1 - t) ** 1.6 for t in thresholds),
    )


def defended() -> Outcome:
    """Attacks on the ConvNet, tried on every model: many curves on one page."""
    pairs = [("convnet", target) for target in MODELS] + [("qvc200", "qvc200")]
    return outcome(
        "qvc-resists-convnet-pgd",
        "QVC200 keeps at least 50 points more accuracy than ResNet under PGD made on the ConvNet.",
        suite="west2022",
        measured=(Measurement(label="qvc200 − resnet", estimate=interval(0.61, 0.04), at_least=0.5),),
        cells=(cell("pgd", "convnet", "qvc200", 0.1), cell("pgd", "convnet", "resnet", 0.1)),
        curves=tuple(curve("pgd", s, t) for s, t in pairs)
        + tuple(curve("pgd", "convnet", t, is_worst_case=True) for t in MODELS),
        strips=tuple(strip("pgd", "convnet", target) for target in ("convnet", "qvc200", "resnet")),
        setting={
            "qvc200": "qvc: layers 200; on fmnist, 3 training runs",
            "pgd": "pgd: norm linf",
        },
        caveats={"fmnist": CAVEAT},
    )


def everything() -> Outcome:
    """Cells of every pair of models at every budget, some missing, and two models of another dataset."""
    pairs = [(s, t) for s in MODELS for t in MODELS if (s, t) != ("qvc1000", "resnet")]
    cells = [cell(a, s, t, e) for a in ("pgd", "fgsm") for s, t in pairs for e in GRID]
    other = {"convnet": "convnet-cifar", "qvc200": "qvc-cifar"}
    for (s, t), e in ((pair, e) for pair in (("convnet", "convnet"), ("qvc200", "convnet")) for e in GRID[:1]):
        made = cell("pgd", s, t, e)
        surrogate = other[s] if s != t else None
        attack = (f"pgd@{surrogate}" if surrogate else "pgd",)
        cells.append(made.model_copy(update={"model": other[t], "attack": attack, "surrogate": surrogate}))
    return outcome(
        "all-transfers",
        "Attacks on quantum classifiers transfer to every model.",
        suite="west2022",
        kind="contrast",
        measured=(Measurement(label="mean drop", estimate=interval(0.3, 0.02), at_least=0.1),),
        cells=tuple(cells),
    )


def square() -> Outcome:
    """Just enough for a matrix, the surrogates told by the cells alone."""
    pairs = [(s, t) for s in MODELS[:2] for t in MODELS[:2]]
    cells = tuple(cell("pgd", s, t, 0.1).model_copy(update={"attack": ("pgd",)}) for s, t in pairs)
    return outcome("square", "Attacks transfer.", suite="square", cells=cells)


def detected() -> Outcome:
    found = Interval(value=0.74, low=0.70, high=0.78, n_images=1000)
    alarms = Interval(value=0.23, low=0.2, high=0.26, n_images=1000)
    return outcome(
        "disagreement-detects",
        "Disagreement of the two models finds at least 70 % of the attacks with at most 30 % false alarms.",
        suite="west2022",
        kind="detection",
        measured=(
            Measurement(label="true positive rate of disagreement", estimate=found, at_least=0.7, paper=0.736),
            Measurement(label="false positive rate of disagreement", estimate=alarms, at_most=0.3, paper=0.227),
        ),
        rocs=(roc(),),
    )


def west() -> Outcomes:
    info = SuiteInfo(
        name="west2022",
        title="Benchmarking adversarially robust quantum machine learning at scale",
        citation="West et al. 2022",
        arxiv="2211.12681",
    )
    return Outcomes(
        created="2026-11-20T14:03:11Z",
        profile="standard",
        seconds=7890.0,
        suites=(info,),
        outcomes=(defended(), everything(), detected()),
    )
