"""Class probabilities of one image over the budgets, models side by side (West et al. 2022, Figure 1e, f)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from qaml.outcome.drawings import ClassProbabilities, Strip
from qaml.report.figures.accents import Accent
from qaml.report.figures.curves import frame, spread, view
from qaml.report.figures.svg import Axis, drawing, join, path, tag
from qaml.report.text.numbers import format_epsilon
from qaml.report.text.origin import Origin, origin
from qaml.report.text.width import shorten

_WIDTH, _HEIGHT = 340.0, 206.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 250.0, 10.0, 168.0
_N_NAMED = 3
_SMALL_SPAN = 2.0
"""Largest difference of two logits that are expectation values, which are in [−1, 1]."""


class Course(NamedTuple):
    """One model's class probabilities of an image, and the true class."""

    model: str
    true_label: str
    along: ClassProbabilities


class Group(NamedTuple):
    """The models that classified the same adversarials of the same image."""

    origin: Origin
    courses: tuple[Course, ...]


def groups(strips: Sequence[Strip]) -> tuple[Group, ...]:
    """Strips with probabilities, grouped by the origin of the adversarials and the image."""
    found: dict[tuple[Origin, int], list[Course]] = {}
    for strip in strips:
        if strip.probabilities is not None and strip.pictures:
            made = origin(strip.model, strip.attack, strip.surrogate or strip.model)
            course = Course(strip.model, strip.pictures[0].true_label, strip.probabilities)
            found.setdefault((made, strip.probabilities.image), []).append(course)
    return tuple(Group(made, tuple(courses)) for (made, _), courses in found.items())


def sentence(course: Course) -> str:
    """A sentence about the largest budget at which the true class is the most probable, and the class that follows."""
    tops = [_top(course.along, row) for row in course.along.values]
    wrong = next((i for i, top in enumerate(tops) if top != course.true_label), None)
    epsilons = [format_epsilon(epsilon) for epsilon in course.along.epsilons]
    if wrong is None:
        text = f"{course.true_label} stays the most probable class up to ε = {epsilons[-1]}."
    elif wrong == 0:
        text = f"{course.true_label} is not the most probable class even of the clean image ({tops[0]} is)."
    else:
        reach = f"up to ε = {epsilons[wrong - 1]}" if wrong > 1 else "of the clean image only"
        text = f"{course.true_label} is the most probable class {reach}; {tops[wrong]} from ε = {epsilons[wrong]}."
    span = _logit_span(course.along)
    if span <= _SMALL_SPAN:
        text += f" The logits of an image span at most {span:.2g}, so the probabilities stay close together."
    return text


def _logit_span(along: ClassProbabilities) -> float:
    """The largest difference of two logits at one budget, computed from the logarithms of the probabilities."""
    spans = [math.log(max(row) / min(row)) if min(row) > 0 else math.inf for row in along.values]
    return max(spans, default=math.inf)


def _top(along: ClassProbabilities, row: Sequence[float]) -> str:
    ranked = [(-math.inf if math.isnan(v) else v, -i) for i, v in enumerate(row)]
    return along.classes[-max(ranked)[1]]


def draw(course: Course, accent: Accent, title: str, description: str) -> Markup:
    """A small panel: the true class thick in the model's colour, the others thin, the most probable ones named."""
    along = course.along
    x_axis = Axis(0.0, max(along.epsilons) or 1.0, _LEFT, _RIGHT)
    y_axis = Axis(0.0, 1.0, _BOTTOM, _TOP)
    named = _named(course)
    order = sorted(range(len(along.classes)), key=lambda i: (along.classes[i] == course.true_label, i in named))
    lines = []
    for i in order:
        places = [
            (x_axis.place(epsilon), y_axis.place(row[i]))
            for epsilon, row in zip(along.epsilons, along.values, strict=False)
            if not math.isnan(row[i])
        ]
        lines.append(tag("path", d=path(places), class_=_look(course, i, named)))
    return drawing(
        f"pr {accent.look}",
        view(_WIDTH, _HEIGHT),
        title,
        description,
        frame(x_axis, y_axis, 100.0, "ε", "probability, %"),
        *lines,
        _names(course, named, y_axis),
    )


def _look(course: Course, index: int, named: Sequence[int]) -> str:
    if course.along.classes[index] == course.true_label:
        return "true"
    return "rival" if index in named else "rest"


def _named(course: Course) -> list[int]:
    """Indices of the most probable classes at the largest budget, and of the true one."""
    last = course.along.values[-1]
    ranked = sorted((-v, i) for i, v in enumerate(last) if not math.isnan(v))
    first = [i for _, i in ranked[:_N_NAMED]]
    true = [i for _, i in ranked if course.along.classes[i] == course.true_label]
    return list(dict.fromkeys(first + true))


def _names(course: Course, named: Sequence[int], y_axis: Axis) -> Markup:
    along = course.along
    wanted = sorted((y_axis.place(along.values[-1][i]), i) for i in named)
    placed = spread([y for y, _ in wanted], 13.0, _TOP + 2, _BOTTOM + 2)
    labels = []
    for (end, i), y in zip(wanted, placed, strict=True):
        look = _look(course, i, named)
        text = along.classes[i]
        labels.append(tag("path", d=path(((_RIGHT + 3, end), (_RIGHT + 11, y))), class_="ld"))
        name = tag("tspan", shorten(text, 13))
        labels.append(tag("text", name, tag("title", text), x=_RIGHT + 14, y=y + 4, class_=f"nm {look}"))
    return join(labels)
