from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from qaml.claims.base import MetricName
from qaml.judge.meanings import MEANINGS
from qaml.report import glossary
from qaml.report.marks import words
from qaml.vocab import Decision, GradientRule, Norm, ProfileName, Protocol, Verdict

JUDGING = Path(__file__).parents[2] / "docs" / "judging.md"
SECTIONS = {section.name: section.terms for section in glossary.glossary()}


def test_every_metric_is_explained() -> None:
    assert set(glossary.METRICS) == set(get_args(MetricName))


def test_every_word_of_the_vocabulary_is_explained() -> None:
    known = {term.name for terms in SECTIONS.values() for term in terms}
    for vocabulary in (Decision, GradientRule, Norm, ProfileName, Protocol, Verdict):
        assert {words(word) for word in get_args(vocabulary)} <= known


def test_every_kind_of_part_has_a_sentence() -> None:
    for name in ("Claims", "Attacks", "Models", "Defences", "Samplers of the negative phase"):
        assert len(SECTIONS[name]) >= 5
        assert all(term.means[0][1] for term in SECTIONS[name])


def test_pages_can_link_to_every_finding() -> None:
    assert {term.anchor for term in SECTIONS["Checks of the measurement"]} == glossary.anchors()


def test_the_rules_of_findings_are_those_of_the_documentation() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (?:void|weak|note) \|", JUDGING.read_text("utf-8"), re.MULTILINE)
    documented = {name: rule.replace("`", "").replace("as_published", "as published") for name, rule in rows}
    assert documented == {name: meaning.raised_if for name, meaning in MEANINGS.items()}
