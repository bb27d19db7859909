"""A report's folder: whole whenever somebody looks, whatever dies; and what a person has put there stays."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from qaml.errors import StoreError
from qaml.files import exchange
from qaml.files.hold import Hold, hold
from qaml.outcome import belongings, folder
from qaml.outcome.folder import built, tidy
from tests.report.kills import NAMES, content, write

OLD = dict.fromkeys((*NAMES, "claims/suite/gone.html"), "old")
NEW = dict.fromkeys(NAMES, "new")
NOTE = {"claims/note.txt": "mine"}


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A folder that holds a report."""
    write(tmp_path / "latest", "old", "claims/suite/gone.html")
    return tmp_path / "latest"


@pytest.fixture(params=["exchange", "renames", "guest"])
def any_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every way in which a new report takes the place of an old one."""
    if request.param == "renames":
        monkeypatch.setattr(exchange, "_system_call", lambda: None)
    if request.param == "guest":
        monkeypatch.setattr(folder, "_MOST_CARRIED", -1)
    return str(request.param)


def _killed(target: Path, mode: str) -> Iterator[tuple[dict[str, str] | None, dict[str, str], dict[str, str]]]:
    """The folder after a kill at each file event, after what the next run tidies, and after that run."""
    command = [sys.executable, "-m", "tests.report.kills", str(target), mode]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    for line in done.stdout.splitlines():
        number, there, tidied, after, left = json.loads(line)
        assert left == [], number
        yield there, tidied, after


def test_a_kill_at_any_file_event_leaves_a_whole_report(tmp_path: Path) -> None:
    states = list(_killed(tmp_path / "latest", "carried"))
    assert len(states) > 30
    for there, tidied, after in states:
        assert there in (OLD | NOTE, NEW | NOTE)
        assert tidied == there
        assert after == OLD | NOTE
    assert {there is not None and there["index.html"] for there, _, _ in states} == {"old", "new"}


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["alone", "renames", "guest"])
def test_a_kill_at_any_file_event_loses_nothing(tmp_path: Path, mode: str) -> None:
    note = {} if mode == "alone" else NOTE
    for there, tidied, after in _killed(tmp_path / "latest", mode):
        assert after == OLD | note
        assert tidied.items() >= note.items()
        if mode != "guest":  # there files are moved one by one
            assert there in (OLD | note, NEW | note, *([None] * (mode == "renames")))
            assert tidied in (OLD | note, NEW | note)


def test_two_runs_with_one_folder_end_with_the_report_of_one(tmp_path: Path, any_way: str) -> None:
    target = tmp_path / "latest"
    script = (
        "import sys; from pathlib import Path; from qaml.files import exchange; from qaml.outcome import folder\n"
        "from tests.report.kills import write, content, NAMES\n"
        "target, name, way = Path(sys.argv[1]), sys.argv[2], sys.argv[3]\n"
        "if way == 'renames': exchange._system_call = lambda: None\n"
        "if way == 'guest': folder._MOST_CARRIED = -1\n"
        "for i in range(12): write(target, f'{name}{i}', f'claims/suite/{name}.html')\n"
    )
    write(target, "old")
    (target / "claims/note.txt").write_text("mine")
    runs = [subprocess.Popen([sys.executable, "-c", script, str(target), name, any_way]) for name in ("one", "two")]
    seen = set()
    while any(run.poll() is None for run in runs):
        try:
            seen.add((target / "index.html").read_text())
        except OSError:
            assert any_way == "renames"
    assert [run.returncode for run in runs] == [0, 0]
    found = content(target)
    assert found.pop("claims/note.txt") == "mine"
    (said,) = set(found.values())
    assert found.keys() == {*NAMES, f"claims/suite/{said[:3]}.html"}
    assert "" not in seen
    assert [path.name for path in tmp_path.iterdir()] == ["latest"]


def _interrupted(report: Path, error: type[BaseException]) -> None:
    with built(report) as stage:
        (stage / "index.html").write_text("half")
        raise error


@pytest.mark.usefixtures("any_way")
def test_an_exception_leaves_the_old_report(report: Path) -> None:
    for error in (KeyboardInterrupt, RuntimeError):
        with pytest.raises(error):
            _interrupted(report, error)
    assert content(report) == OLD
    assert list(report.parent.iterdir()) == [report]


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))])
def test_what_a_system_refuses_is_told(report: Path, error: Exception) -> None:
    with (
        pytest.raises(StoreError, match=f"cannot write the report folder {report}: (out of memory|No space left)"),
        built(report),
    ):
        raise error
    assert content(report) == OLD


@pytest.mark.usefixtures("any_way")
def test_files_of_a_person_stay(report: Path) -> None:
    (report / "media" / "holiday.png").write_text("beach")
    (report / "notes" / "deep").mkdir(parents=True)
    (report / "notes" / "deep" / "link").symlink_to("../../index.html")
    (report / "empty").mkdir()
    number = (report / "media" / "holiday.png").stat().st_ino
    write(report, "new")
    assert content(report) == NEW | {"media/holiday.png": "beach", "notes/deep/link": "new"}
    assert (report / "empty").is_dir()
    assert (report / "media" / "holiday.png").stat().st_ino == number
    assert (report / "notes" / "deep" / "link").is_symlink()


def test_a_repository_is_not_moved_and_its_files_are_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "code.py").write_text("pass")
    monkeypatch.chdir(tmp_path)
    number = tmp_path.stat().st_ino
    for said in ("old", "new"):
        write(Path(), said)
    assert content(tmp_path) == NEW | {"src/code.py": "pass"}
    assert tmp_path.stat().st_ino == number
    with pytest.raises(StoreError, match=r"same names that qaml has not written: src/code\.py"):
        write(Path(), "newer", "src/code.py")
    assert content(tmp_path) == NEW | {"src/code.py": "pass"}


def test_a_page_of_a_person_in_a_folder_without_a_report_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("my site")
    with pytest.raises(StoreError, match=r"has not written: index\.html\n  hint: name another report folder"):
        write(tmp_path / "site", "new")
    assert content(tmp_path / "site") == {"index.html": "my site"}


@pytest.mark.usefixtures("any_way")
def test_a_report_of_a_former_version_is_replaced(report: Path) -> None:
    (report / "qaml-files.json").unlink()
    (report / "media" / "mine.png").write_text("mine")
    write(report, "new")
    assert content(report) == NEW | {"media/mine.png": "mine"}


@pytest.mark.parametrize("damage", ["", "{", '{"files": ["../../precious", "/precious", "index.html"]}'])
def test_a_damaged_list_deletes_nothing_elsewhere(report: Path, damage: str) -> None:
    (report.parent / "precious").write_text("mine")
    (report / "qaml-files.json").write_text(damage)
    write(report, "new")
    assert content(report) == NEW
    assert (report.parent / "precious").read_text() == "mine"


def test_what_cannot_be_read_now_is_not_deleted(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = report.rename(report.with_name(".latest.qaml-0123456789ab"))  # by a run that died between two renames
    monkeypatch.setattr(belongings, "read_regular", _refuse)
    tidy(report)
    assert content(left) == OLD
    monkeypatch.undo()
    tidy(report)
    assert content(report) == OLD


def test_a_link_to_a_folder_stays_one(report: Path, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(report)
    write(link, "new")
    assert link.is_symlink()
    assert content(report) == NEW
    (tmp_path / "dangling").symlink_to(tmp_path / "made" / "later")
    write(tmp_path / "dangling", "new")
    assert content(tmp_path / "made" / "later") == NEW


def test_a_linked_inner_folder_is_refused(report: Path, tmp_path: Path) -> None:
    (report / "media").rename(tmp_path / "big")
    (report / "media").symlink_to(tmp_path / "big")
    with pytest.raises(StoreError, match="has not written: media, media/01"):
        write(report, "new")
    assert content(tmp_path / "big") == {NAMES[0].partition("/")[2]: "old"}


def test_a_file_in_the_place_of_the_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("a file")
    with pytest.raises(StoreError, match=r"cannot write .*report.*\n  hint: free some space"):
        write(tmp_path / "report", "new")
    assert (tmp_path / "report").read_text() == "a file"
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


@pytest.mark.usefixtures("any_way")
def test_the_mode_of_a_folder_stays(report: Path) -> None:
    report.chmod(0o750)
    write(report, "new")
    assert report.stat().st_mode & 0o777 == 0o750


@pytest.mark.skipif(os.geteuid() == 0 or sys.platform == "win32", reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_a_clear_error(report: Path) -> None:
    report.chmod(0o500)
    with pytest.raises(StoreError, match="cannot write"):
        write(report, "new")
    report.chmod(0o700)
    assert content(report) == OLD


def test_a_parent_that_may_not_be_written_or_a_folder_that_may_not_move_is_no_hindrance(
    report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "exchange", _refuse)
    write(report, "new")
    assert content(report) == NEW
    monkeypatch.setattr(folder, "_has_to_stay", lambda final: final.is_dir())
    write(report, "old", "claims/suite/gone.html")
    assert content(report) == OLD
    assert list(report.parent.iterdir()) == [report]


def _refuse(*_: object) -> None:
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))


def test_leftovers_of_runs_at_work_stay(report: Path) -> None:
    with built(report) as stage:
        (stage / "index.html").write_text("half")
        tidy(report)
        write(report, "new")
        assert (stage / "index.html").read_text() == "half"
    assert content(report) == {"index.html": "half"}


def test_a_folder_that_another_run_deletes_before_it_is_locked_is_made_again(
    report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted: list[Path] = []

    def late(path: Path, patience: float = 0.0) -> AbstractContextManager[Hold]:
        if not deleted:
            deleted.append(path)
            path.rmdir()
        return hold(path, patience)

    monkeypatch.setattr(folder, "hold", late)
    write(report, "new")
    assert deleted
    assert content(report) == NEW


def test_another_lock_on_the_folder_is_waited_for_and_then_left(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "_PATIENCE", 0.1)
    with hold(report) as state:
        assert state == "held"
        write(report, "new")
    assert content(report) == NEW


def test_a_working_directory_that_is_gone_is_no_hindrance(
    report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    write(report, "new")
    assert content(report) == NEW
    with pytest.raises(StoreError, match="cannot write the report folder here: No such file"):
        write(Path("here"), "new")
