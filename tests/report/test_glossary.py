from __future__ import annotations

from typing import get_args

from qaml.metrics.table import METRICS
from qaml.report.pages import glossary
from qaml.report.text.marks import words
from qaml.vocab import DecisionRule, GradientRule, Norm, ProfileName, Protocol, Verdict

SECTIONS = {section.name: section.terms for section in glossary.glossary()}


def test_every_metric_is_explained() -> None:
    assert [term.code for term in SECTIONS["Metrics"]] == METRICS.kinds()
    assert all(term.means[0][1] for term in SECTIONS["Metrics"])


def test_every_word_of_the_vocabulary_is_explained() -> None:
    known = {term.name for terms in SECTIONS.values() for term in terms}
    for vocabulary in (DecisionRule, GradientRule, Norm, ProfileName, Protocol, Verdict):
        assert {words(word) for word in get_args(vocabulary)} <= known


def test_every_kind_of_part_has_a_sentence() -> None:
    for name in ("Claims", "Attacks", "Models", "Defences", "Samplers of the negative phase"):
        assert len(SECTIONS[name]) >= 5
        assert all(term.means[0][1] for term in SECTIONS[name])


def test_pages_can_link_to_every_finding() -> None:
    assert {term.anchor for term in SECTIONS["Checks of the measurement"]} == glossary.anchors()
