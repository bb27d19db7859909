"""Negative phases: a sampler's moments and free energies with the machine's own, and the embedding on qubits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

from markupsafe import Markup

from qaml.outcome.drawings import EmbeddingDrawing, Sampling
from qaml.report.figures.curves import frame, view
from qaml.report.figures.svg import Axis, dots, drawing, padded, path, tag
from qaml.report.text.numbers import MISSING, count, format_number

_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 334.0, 10.0, 298.0
COLUMNS = (
    ("samples", "of one estimate"),
    ("first moments", "deviation, × that of as many independent samples; 1 is as good as exact"),
    ("second moments", "the same"),
    ("β", "inverse temperature of the samples"),
    ("broken chains", "%"),
    ("gradient off by", "degrees, after one estimate"),
    ("exact sampling", "degrees, with as many independent samples"),
    ("divergence", "Kullback–Leibler from the exact distribution, nats"),
)
"""Columns of the table of samplers: heading and meaning."""


def row(sampling: Sampling) -> tuple[str, ...]:
    """The numbers of one model, averaged over training runs, as texts in the order of ``COLUMNS``."""
    values = (
        (sampling.first, 2),
        (sampling.second, 2),
        (sampling.effective_beta, 2),
        (tuple(100 * share for share in sampling.broken_chains), 1),
        (sampling.angle, 1),
        (sampling.ideal_angle, 1),
        (sampling.divergence, 3),
    )
    return (f"{sampling.draws:,.0f}", *(_mean(numbers, digits) for numbers, digits in values))


def _mean(numbers: Sequence[float], digits: int) -> str:
    known = [number for number in numbers if math.isfinite(number)]
    return format_number(fmean(known), digits) if known else MISSING


def sentence(sampling: Sampling) -> str:
    """A sentence about the distance of the samples from the machine's own distribution, and how it was measured."""
    known = "by enumeration" if sampling.is_exact else "by parallel tempering"
    vague = max(sampling.reference_error, default=0.0)
    own = "" if sampling.is_exact else f" (itself off by {format_number(vague, 2)})"
    return (
        f"Second moments of {sampling.model} after its training, seed 0, the machine's own {known}{own}: on the line "
        f"the sampler is right. Over all runs they are off by {_mean(sampling.second, 2)} times what "
        f"{sampling.draws:,.0f} independent samples would be, first moments by {_mean(sampling.first, 2)} times."
    )


def energy_sentence(sampling: Sampling) -> str:
    """A sentence that explains the two histograms."""
    return (
        f"Free energies of the visible units: line, as {sampling.sampler.replace('_', ' ')} draws them; shaded, as the "
        "machine has them. To the left of the shade samples are too cold, to the right too hot."
    )


def draw(sampling: Sampling, description: str) -> Markup:
    """A drawing of estimated over true second moments, with the line on which they agree."""
    x_axis, y_axis = Axis(0.0, 1.0, _LEFT, _RIGHT), Axis(0.0, 1.0, _BOTTOM, _TOP)
    points = zip(sampling.true_moments, sampling.moments, strict=False)
    places = [(x_axis.place(x), y_axis.place(y)) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    diagonal = path(((x_axis.start, y_axis.start), (x_axis.end, y_axis.end)))
    return _panel(
        f"{sampling.model}: second moments",
        description,
        frame(x_axis, y_axis, 1.0, "⟨v h⟩ of the machine", "⟨v h⟩ of the sampler"),
        tag("path", d=diagonal, class_="disc"),
        tag("path", d=dots(places), class_="dot", stroke_width=3),
    )


def draw_energies(sampling: Sampling, description: str) -> Markup:
    """A drawing of both histograms of the free energy."""
    edges = sampling.energy_edges
    x_axis = padded(edges, _LEFT, _RIGHT, pad=0.0)
    y_axis = Axis(0.0, max((*sampling.energies, *sampling.true_energies, 1e-9)) * 1.05, _BOTTOM, _TOP)
    return _panel(
        f"{sampling.model}: free energies",
        description,
        frame(x_axis, y_axis, 100.0, "free energy F(v)", "share of samples, %"),
        tag("path", d=_steps(edges, sampling.true_energies, x_axis, y_axis, is_closed=True), class_="bd"),
        tag("path", d=_steps(edges, sampling.energies, x_axis, y_axis, is_closed=False), class_="ln"),
    )


def _steps(edges: Sequence[float], shares: Sequence[float], x_axis: Axis, y_axis: Axis, *, is_closed: bool) -> str:
    places = []
    for left, right, share in zip(edges, edges[1:], shares, strict=False):
        places += [(x_axis.place(left), y_axis.place(share)), (x_axis.place(right), y_axis.place(share))]
    if is_closed and places:
        places = [(places[0][0], y_axis.start), *places, (places[-1][0], y_axis.start)]
    return path(places, is_closed=is_closed)


def _panel(title: str, description: str, *parts: Markup) -> Markup:
    return drawing("sc hist k0", view(344.0, 342.0), title, description, *parts)


def embedding_sentence(embedding: EmbeddingDrawing) -> str:
    """A sentence about the size of the embedding, and how to read its picture."""
    n, m = embedding.n_visible, embedding.n_hidden
    one_length = embedding.shortest == embedding.longest
    lengths = f"{embedding.shortest}" if one_length else f"{embedding.shortest} to {embedding.longest}"
    broken = f", {count(embedding.n_broken, 'qubit')} of it broken" if embedding.n_broken else ""
    return (
        f"{n} visible units (blue) and {m} hidden ones (red) on {embedding.graph}{broken}: {embedding.qubits:,} qubits "
        f"in chains of {lengths}. A chain stands for one unit; grey lines couple chains, grey dots are qubits not used."
    )
