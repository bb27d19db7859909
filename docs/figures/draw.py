"""Draws the figures of the explanation pages: ``python -m docs.figures.draw`` (a minute on one core).

Everything is computed: intervals and rates by the code that judges, curves from a published report, distances from a
classifier that is trained here. ``tests/docs/test_figures.py`` holds the drawings to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from qaml.judge.statistics.crossed import share_interval
from qaml.judge.statistics.wilson import wilson
from qaml.outcome.merge import load
from qaml.report.figures.svg import Axis, path, short, tag, tick_label

HERE = Path(__file__).parent
STYLE = """
text { font: 12px -apple-system, "Segoe UI", "Liberation Sans", Arial, sans-serif; fill: #1b2127; }
.soft { fill: #56616c; } .e { text-anchor: end; } .m { text-anchor: middle; } .ground { fill: #fff; }
.grid { stroke: #e3e7ea; fill: none; } .axis { stroke: #9aa4ad; fill: none; }
.ok { fill: #007f73; fill-opacity: .1; } .limit { stroke: #007f73; stroke-width: 1.4; fill: none; }
.line { fill: none; stroke: var(--c); stroke-width: 1.8; stroke-linejoin: round; }
.wide { stroke-width: 3.4; } .dashed { stroke-dasharray: 3 2; }
.mark { fill: var(--c); } .hollow { fill: #fff; stroke: var(--c); stroke-width: 1.8; }
.name { fill: var(--c); font-weight: 600; }
.c0 { --c: #1f5fa8; } .c1 { --c: #a8277a; } .c2 { --c: #5a7d00; } .c3 { --c: #a32300; } .c4 { --c: #33207a; }
.supported { --c: #007f73; } .refuted { --c: #a32300; } .inconclusive { --c: #967000; } .invalid { --c: #414b58; }
"""


class Line(NamedTuple):
    """One curve and its name."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    look: str
    is_wide: bool = False


def picture(width: float, height: float, title: str, *children: Markup) -> str:
    """A drawing that stands by itself."""
    ground = tag("rect", width=width, height=height, class_="ground")
    style = tag("style", Markup(STYLE))
    return str(
        tag(
            "svg",
            tag("title", title),
            style,
            ground,
            *children,
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {width:g} {height:g}",
            role="img",
        )
    )


def chart(title: str, x_name: str, y_name: str, x_axis: Axis, y_axis: Axis, lines: Sequence[Line], unit: float) -> str:
    """Curves on one pair of axes, each named at its end; names that would touch move apart."""
    parts: list[Markup] = []
    for tick in y_axis.ticks(6):
        y = y_axis.place(tick)
        parts.append(tag("path", d=f"M{short(x_axis.start)} {short(y)}H{short(x_axis.end)}", class_="grid"))
        parts.append(tag("text", tick_label(tick, unit), x=x_axis.start - 6, y=y + 4, class_="soft e"))
    for tick in x_axis.ticks(8):
        parts.append(tag("text", tick_label(tick), x=x_axis.place(tick), y=y_axis.start + 16, class_="soft m"))
    parts.append(tag("text", x_name, x=(x_axis.start + x_axis.end) / 2, y=y_axis.start + 34, class_="soft m"))
    parts.append(tag("text", y_name, x=x_axis.start - 34, y=y_axis.end - 12, class_="soft"))
    ordered = sorted(lines, key=lambda line: y_axis.place(line.ys[-1]))
    names = _spread([y_axis.place(line.ys[-1]) + 4 for line in ordered], y_axis.start + 2)
    for name, line in zip(names, ordered, strict=True):
        places = [(x_axis.place(x), y_axis.place(v)) for x, v in zip(line.xs, line.ys, strict=True)]
        stroke = "line wide" if line.is_wide else "line"
        parts.append(tag("path", d=path(places), class_=f"{stroke} {line.look}"))
        parts += [tag("circle", cx=a, cy=b, r=2.6, class_=f"mark {line.look}") for a, b in places]
        parts.append(tag("text", line.name, x=x_axis.end + 8, y=name, class_=f"name {line.look}"))
    return picture(720, y_axis.start + 46, title, *parts)


def _spread(places: Sequence[float], last: float) -> list[float]:
    """Rising places at least 15 apart, none beyond the last."""
    found: list[float] = []
    for place in places:
        found.append(max(place, found[-1] + 15) if found else place)
    for i in reversed(range(len(found))):
        found[i] = min(found[i], last if i == len(found) - 1 else found[i + 1] - 15)
    return found


def verdicts() -> str:
    """Four intervals against one threshold."""
    axis = Axis(-5.0, 15.0, 150.0, 560.0)
    rows = [
        ("supported", 9.0, 6.2, 11.8, "the whole interval satisfies “at least 5”"),
        ("refuted", 0.5, -2.1, 3.1, "none of it does"),
        ("inconclusive", 6.5, 3.4, 9.6, "more runs or images would tell"),
        ("invalid", 11.0, 8.6, 13.4, "a check voids it, however narrow"),
    ]
    bottom = 20.0 + 34 * len(rows)
    limit = axis.place(5.0)
    parts = [
        tag("path", d=f"M{short(limit)} 10H{short(axis.end)}V{short(bottom)}H{short(limit)}Z", class_="ok"),
        tag("path", d=f"M{short(limit)} 10V{short(bottom)}", class_="limit"),
        tag("path", d=f"M{short(axis.place(0))} 10V{short(bottom)}", class_="axis"),
    ]
    for i, (verdict, value, low, high, says) in enumerate(rows):
        y = 32.0 + 34 * i
        is_void = verdict == "invalid"
        ends = [axis.place(v) for v in (low, high)]
        bars = "".join(f"M{short(x)} {short(y - 5)}v10" for x in ends)
        stroke = f"line {verdict}{' dashed' if is_void else ''}"
        parts += [
            tag("path", d=f"M{short(ends[0])} {short(y)}H{short(ends[1])}{bars}", class_=stroke),
            tag("circle", cx=axis.place(value), cy=y, r=5.0, class_=f"{'hollow' if is_void else 'mark'} {verdict}"),
            tag("text", verdict, x=10.0, y=y + 4, class_=f"name {verdict}"),
            tag("text", says, x=axis.end + 14, y=y + 4, class_="soft"),
        ]
    for tick in axis.ticks(6):
        parts.append(tag("text", tick_label(tick), x=axis.place(tick), y=bottom + 16, class_="soft m"))
    parts.append(tag("text", "difference of two accuracies, points", x=355.0, y=bottom + 34, class_="soft m"))
    return picture(800, bottom + 44, "Four intervals against a threshold of 5 points", *parts)


def attacks() -> str:
    """One machine under five attacks, from the published report: which of them would a paper have shown?"""
    published = load(HERE.parents[1] / "reports/published/kehoe2021")
    names = {
        "fgsm-sweep": ("FGSM", "c0"),
        "cnn-fgsm": ("FGSM made on a CNN", "c1"),
        "cnn-pgd": ("PGD made on a CNN", "c4"),
        "pgd": ("PGD", "c2"),
        "autoattack": ("AutoAttack", "c3"),
    }
    curves = {
        curve.attack: curve
        for claim in published.outcomes
        for curve in claim.curves
        if curve.model == "rbm" and curve.metric == "accuracy_under_attack" and curve.attack in names
    }
    lines = [Line(name, curves[a].epsilons, curves[a].values, look) for a, (name, look) in names.items()]
    axes = Axis(0.0, 0.3, 60.0, 540.0), Axis(0.0, 1.0, 290.0, 30.0)
    return chart("One RBM under five attacks", "ε (L∞)", "accuracy, %", *axes, lines, 100.0)


DEVIATIONS = (0.0, 0.02, 0.04, 0.06, 0.08)
N_SEEDS, N_IMAGES, N_RUNS = 5, 500, 600


def coverage() -> str:
    """How often 95 % intervals hold the true accuracy, over how much training runs differ."""
    ours, naive = [], []
    for number, deviation in enumerate(DEVIATIONS):
        generator = np.random.default_rng(number)
        hits = [_holds(generator, 0.7, deviation) for _ in range(N_RUNS)]
        ours.append(float(np.mean([own for own, _ in hits])))
        naive.append(float(np.mean([pooled for _, pooled in hits])))
    xs = [100 * deviation for deviation in DEVIATIONS]
    lines = [
        Line("crossed (qaml)", xs, ours, "c0", is_wide=True),
        Line("all images pooled (Wilson)", xs, naive, "c3"),
        Line("nominal, 95 %", [xs[0], xs[-1]], [0.95, 0.95], "c2"),
    ]
    axes = Axis(0.0, 8.0, 60.0, 510.0), Axis(0.0, 1.0, 290.0, 30.0)
    names = "spread of true accuracies between training runs, points", "coverage, %"
    return chart("Coverage of 95 % intervals", *names, *axes, lines, 100.0)


def _holds(generator: np.random.Generator, share: float, deviation: float) -> tuple[bool, bool]:
    """Whether the interval over runs, and the one of all images pooled, hold the true mean."""
    each = np.clip(share + deviation * generator.standard_normal(N_SEEDS), 0.0, 1.0)
    correct = (generator.random((N_SEEDS, N_IMAGES)) < each[:, None]).astype(float)
    own = share_interval(correct, float(N_IMAGES))(0.95)
    pooled = wilson(float(correct.mean()), correct.size)
    return own.low <= share <= own.high, pooled.low <= share <= pooled.high


def distances() -> str:
    """Accuracy over the norm: exact, and as two attacks find it."""
    from qaml.attacks.exact_l2.part import ExactL2
    from qaml.attacks.minimisation.part import CarliniWagner, DeepFool
    from tests.attacks.test_exact_l2 import found, scene

    grid = np.linspace(0.0, 2.5, 26)
    kinds = [
        ("Carlini–Wagner", CarliniWagner(), "c2"),
        ("DeepFool", DeepFool(), "c1"),
        ("exact", ExactL2(), "c3"),
    ]
    lines = []
    for name, part, look in kinds:
        norms = found(scene().run(part, n=300))
        lines.append(Line(name, grid.tolist(), [float((norms > e).mean()) for e in grid], look, name == "exact"))
    axes = Axis(0.0, 2.5, 60.0, 560.0), Axis(0.0, 1.0, 290.0, 30.0)
    return chart("What attacks find, and what there is", "L2 norm", "still correct, %", *axes, lines, 100.0)


FIGURES = {"verdicts": verdicts, "attacks": attacks, "coverage": coverage, "distances": distances}


def main() -> None:
    """Draw all of them."""
    for name, draw in FIGURES.items():
        (HERE / f"{name}.svg").write_text(draw() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
