from __future__ import annotations

import errno
import io
import os
import shutil
from pathlib import Path

import pytest

from qaml.errors import StoreError
from qaml.outcome.merge import load, merge_folders
from qaml.report.pages import html
from qaml.report.pages.publish import publish
from qaml.report.text.markdown import summary
from tests.report.sample import sample, write_media


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report, with the pictures that it was made with beside it."""
    folder = tmp_path_factory.mktemp("made")
    write_media(folder / "pictures")
    pictures = {f"media/{path.name}": path for path in (folder / "pictures" / "media").iterdir()}
    return publish(sample(), folder / "latest", pictures).parent


@pytest.fixture
def report(made: Path, tmp_path: Path) -> Path:
    """The same for one test."""
    return Path(shutil.copytree(made, tmp_path / "latest"))


def _content(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_holds_outcomes_summary_and_pages(made: Path, report: Path) -> None:
    assert [o.node for o in load(report).outcomes] == [o.node for o in sample().outcomes]
    assert (report / "summary.md").read_text(encoding="utf-8") == summary(sample())
    for name, _ in html.pages(load(report)):
        assert (report / name).is_file()
    assert _names(made.parent) == ["latest", "pictures"]


def test_a_report_is_made_anew_from_itself(report: Path) -> None:
    outcomes, pictures = merge_folders([report])
    other = publish(outcomes, report.with_name("other"), pictures).parent
    publish(outcomes, report, pictures)
    assert _content(report) == _content(other)


def test_pages_of_claims_that_are_gone_are_removed_and_nothing_else(report: Path) -> None:
    (report / "claims" / "kehoe2021" / "note.txt").write_text("mine")
    fewer = load(report)
    publish(fewer.model_copy(update={"outcomes": fewer.outcomes[:2]}), report)
    left = sorted(p.name for p in (report / "claims").rglob("*") if p.is_file())
    assert left == ["note.txt", "rbm-beats-cnn-adv-under-deepfool.html", "rbm-beats-cnn-adv-under-fgsm.html"]


@pytest.mark.parametrize(
    ("code", "where"),
    [
        (errno.ENOSPC, "media/"),
        (errno.EMFILE, "claims/"),
        (errno.EDQUOT, "outcomes.json"),
        (errno.ENOSPC, "qaml-files.json"),
    ],
)
def test_a_report_that_cannot_be_written_leaves_the_former_one(
    report: Path, monkeypatch: pytest.MonkeyPatch, code: int, where: str
) -> None:
    before = _content(report)
    outcomes = load(report)
    opened = io.open

    def full(path: object, mode: str = "r", *args: object, **settings: object) -> object:
        if "w" in mode and where in str(path):
            raise OSError(code, os.strerror(code))
        return opened(path, mode, *args, **settings)  # type: ignore[call-overload]

    monkeypatch.setattr(io, "open", full)
    with pytest.raises(
        StoreError, match=f"cannot write the report folder .*{os.strerror(code)}\n  hint: free some space"
    ):
        publish(outcomes, report)
    monkeypatch.undo()
    assert _content(report) == before
    assert _names(report.parent) == ["latest"]
