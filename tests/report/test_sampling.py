"""Samplers beside the machine's own distribution, and embeddings, on a claim's page."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

import pytest

from qaml.outcome.drawings import EmbeddingDrawing, Sampling
from qaml.outcome.outcome import Outcome, Outcomes
from qaml.report.figures import sampling
from qaml.report.pages.html import write_report
from tests.report.pages import Page
from tests.report.sample import outcome

ANNEALED = Sampling(
    model="qrbm",
    sampler="annealer",
    is_exact=False,
    draws=500.0,
    first=(1.2, 1.4),
    second=(2.0, 3.0),
    reference_error=(0.1, 0.25),
    effective_beta=(0.9, 1.0),
    broken_chains=(0.015, 0.025),
    angle=(10.0, 12.0),
    ideal_angle=(4.0, 4.0),
    divergence=(math.nan, math.nan),
    true_moments=(0.1, 0.5, 0.9, math.nan),
    moments=(0.2, 0.5, 0.8, 0.1),
    energy_edges=(-3.0, -2.0, -1.0),
    energies=(0.25, 0.75),
    true_energies=(0.5, 0.5),
)
EXACT = ANNEALED.model_copy(
    update={"model": "small", "sampler": "exact", "is_exact": True, "divergence": (0.01,), "energies": ()}
)
EMBEDDING = EmbeddingDrawing(
    model="qrbm",
    graph="chimera 16 (2,048 qubits)",
    n_visible=59,
    n_hidden=40,
    qubits=1190,
    shortest=10,
    longest=15,
    n_broken=2,
    file="media/0123-embedding.svg",
)


def test_a_row_averages_over_training_runs() -> None:
    assert sampling.row(ANNEALED) == ("500", "1.30", "2.50", "0.95", "2.0", "11.0", "4.0", "–")
    assert sampling.row(EXACT)[-1] == "0.010"
    assert len(sampling.row(ANNEALED)) == len(sampling.COLUMNS)


def test_moments_are_dots_and_their_agreement_a_line() -> None:
    drawn = {e.get("class"): e.get("d") for e in ElementTree.fromstring(sampling.draw(ANNEALED, "see")).iter()}
    assert str(drawn["dot"]).count("M") == 3  # the fourth has no place
    said = sampling.sentence(ANNEALED)
    assert "by parallel tempering (itself off by 0.25)" in said
    assert "2.50 times what 500 independent samples would be, first moments by 1.30 times" in said
    assert "by enumeration:" in sampling.sentence(EXACT)


def test_free_energies_are_steps() -> None:
    drawn = {e.get("class"): e.get("d") for e in ElementTree.fromstring(sampling.draw_energies(ANNEALED, "")).iter()}
    assert str(drawn["bd"]).endswith("Z")
    assert str(drawn["ln"]).count("L") == 3


@pytest.mark.parametrize(("shortest", "words"), [(10, "chains of 10 to 15."), (15, "chains of 15.")])
def test_an_embedding_in_a_sentence(shortest: int, words: str) -> None:
    said = sampling.embedding_sentence(EMBEDDING.model_copy(update={"shortest": shortest}))
    assert said.startswith(
        "59 visible units (blue) and 40 hidden ones (red) on chimera 16 (2,048 qubits), 2 qubits of it"
    )
    assert words in said


def sampled() -> Outcome:
    return outcome("it-samples", "It samples.", samplings=(ANNEALED, EXACT), embeddings=(EMBEDDING,))


def test_the_page_shows_samplers_and_qubits(tmp_path: Path) -> None:
    outcomes = Outcomes(created="2026-11-28T00:00:00+00:00", profile="standard", outcomes=(sampled(),))
    write_report(outcomes, tmp_path)
    (page,) = (tmp_path / "claims").glob("*/it-samples.html")
    images = {(name, value) for tag, name, value in Page(page.read_text("utf-8")).attributes if tag == "img"}
    assert ("src", "../../media/0123-embedding.svg") in images
    assert ("alt", sampling.embedding_sentence(EMBEDDING)) in images
    assert Outcomes.model_validate_json(outcomes.model_dump_json()).outcomes[0].samplings[0].second == (2.0, 3.0)
