"""Pointers lead somewhere: to kinds, fields and pages that there are, from words that are none of ours."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from qaml.attacks.base import ATTACKS
from qaml.claims.base import CLAIMS
from qaml.data.base import DATASETS, TRANSFORMS
from qaml.defences.base import DEFENCES
from qaml.metrics.table import METRICS
from qaml.models.base import MODELS
from qaml.models.circuit.blocks import Block
from qaml.models.kernel_svm.kernels import KERNELS
from qaml.spec import pointers
from qaml.spec.document import TOP_LEVEL
from tests.spec.cases import ROOT

FAMILIES = (DATASETS, TRANSFORMS, MODELS, KERNELS, ATTACKS, DEFENCES, CLAIMS, METRICS)
KNOWN = {each.family: each.builtin_kinds() for each in FAMILIES}
KNOWN["block"] = [verb for block in Block.members() for verb in block.verbs]
KINDS = pointers._BY_FAMILY
ENTRIES = pointers.pointers()


@pytest.mark.parametrize("where", sorted(set(ENTRIES.values())))
def test_pages_and_their_sections_exist(where: str) -> None:
    for page, section in re.findall(r"(docs/[\w/-]+\.md)(?:, ([A-Z][^);]+))?", where):
        text = (ROOT / page).read_text("utf-8")
        assert not section or f"\n## {section}\n" in text, f"{page} has no section {section!r}"


@pytest.mark.parametrize("family", KINDS)
def test_words_are_no_kinds_and_lead_to_kinds(family: str) -> None:
    known = KNOWN[family]
    words = Counter(word for words in KINDS[family] for word in words.split())
    assert not {word for word, n in words.items() if n > 1}
    assert not words.keys() & set(known), "a kind needs no pointer"
    for where in KINDS[family].values():
        if where.startswith("'"):
            assert re.findall(r"'(\w+)'", where)[0] in known, where


def test_words_of_sections_are_no_sections_and_lead_to_sections() -> None:
    words = [word for words in pointers._SECTIONS for word in words.split()]
    assert not set(words) & set(TOP_LEVEL)
    assert all(where.split("'")[1] in TOP_LEVEL for where in pointers._SECTIONS.values() if where.startswith("'"))


def test_a_word_is_found_however_it_is_written() -> None:
    assert pointers.for_kind("attack", "PGD-Linf") == "did you mean 'pgd' with 'norm: linf'?"
    assert pointers.for_kind("attack", "pgd") == pointers.for_kind("nothing", "cw") == ""
    assert pointers.for_field("attack", "Eps") == "did you mean 'epsilon'?"
    assert pointers.for_value(("attacks", "a", "loss"), "cw", ["cross_entropy"]) == "", "no choice of this attack's"
