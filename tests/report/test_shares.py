"""Several processes render the report that one renders, whatever becomes of the helpers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaml.outcome.merge import load
from qaml.report.pages import html, shares
from qaml.report.pages.publish import publish
from qaml.report.pages.shares import Share
from tests.report.sample import sample, write_media

BOOT = shares._BOOT


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report that one process has rendered from numbers as they are stored: curves have five digits."""
    place = tmp_path_factory.mktemp("alone")
    write_media(place)
    publish(sample(), place / "report", {f"media/{path.name}": path for path in (place / "media").iterdir()})
    publish(load(place / "report"), place / "report")
    return place / "report"


@pytest.mark.parametrize("boot", [BOOT, "raise SystemExit(1)"], ids=["helped", "helpers fail"])
def test_the_report_is_the_same(boot: str, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    write = html.write_page

    def noting(path: Path, text: str) -> None:
        written.append(path.name)
        write(path, text)

    monkeypatch.setattr(shares, "processes", lambda _: 2)
    monkeypatch.setattr(shares, "_BOOT", boot)
    monkeypatch.setattr(html, "write_page", noting)
    report = tmp_path / "report"
    publish(load(alone), report, {f"media/{path.name}": path for path in (alone / "media").iterdir()})
    assert files(report) == files(alone)
    n_pages = sum(name.endswith(".html") for name in files(alone))
    n_here = sum(name.endswith(".html") for name in written)
    assert (n_here < n_pages) == (boot == BOOT), (n_here, n_pages)


@given(st.integers(1, 6), st.lists(st.integers(), max_size=40))
def test_every_item_is_in_one_share(of: int, items: list[int]) -> None:
    held = [Share(number, of).of_items(items) for number in range(of)]
    assert [item for share in held for item in share] == items
    assert len(held[0]) <= min(map(len, held)) + 1


def test_few_claims_are_rendered_by_one_process() -> None:
    assert shares.processes(shares.MANY - 1) == 1
    assert 1 <= shares.processes(shares.MANY) <= shares.MOST
