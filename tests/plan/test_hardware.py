"""Which processor computes: read where Linux tells it, and part of keys where that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qaml.plan import hardware as module
from qaml.plan.digest import Digest
from qaml.plan.hardware import hardware, processor
from qaml.plan.step import make_step

INTEL = "processor\t: 0\nmodel name\t: Some  Chip\nflags\t\t: sse avx2\n\nprocessor\t: 1\nmodel name\t: Another\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n"


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    processor.cache_clear()
    yield
    processor.cache_clear()


def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> module.Processor:
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(module, "_CPU", tmp_path / "cpuinfo")
    processor.cache_clear()
    return processor()


def test_the_first_processor_speaks_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = told(tmp_path, monkeypatch, INTEL)
    assert first.model == "Some Chip"
    assert told(tmp_path, monkeypatch, INTEL.replace("Another", "Third")) == first
    assert told(tmp_path, monkeypatch, INTEL.replace("sse avx2", "avx2 sse")) == first
    assert told(tmp_path, monkeypatch, INTEL.replace("avx2", "avx512f")).features != first.features
    assert told(tmp_path, monkeypatch, ARM).model == "0xd0c"


def test_where_nothing_tells_it_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CPU", tmp_path / "absent")
    assert processor().model
    assert len(processor().features) == 12


def test_graphics_cards_count_where_they_compute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "information").write_text("Model: \t\t Some Card\nIRQ: 5\n")
    monkeypatch.setattr(module, "_GPUS", tmp_path)
    assert hardware("cuda") == f"{hardware('cpu')} Some Card"


def test_it_is_in_the_key_where_it_is_named() -> None:
    def key(hardware: str = "") -> str:
        return make_step("train", "t", {}, {}, Digest("code", ()), 1.0, hardware=hardware).key

    assert key("one") not in {key(), key("other")}
    assert key("") == key()
