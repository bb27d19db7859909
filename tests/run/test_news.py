"""What workers tell each other: everything once, nothing of their own, and no harm in what is broken."""

from __future__ import annotations

import shutil
from pathlib import Path

from qaml.run.news import SUFFIX, News, Word


def test_each_word_is_heard_once_by_all_others(tmp_path: Path) -> None:
    one, two = News(tmp_path, "gw0"), News(tmp_path, "gw1")
    one.write(Word("a"))
    assert list(two.heard()) == [Word("a")]
    crash = Word("b", "no memory: “ε”", True, "free some", "one line\nanother")
    one.write(crash)
    assert list(two.heard()) == [crash]
    assert list(two.heard()) == list(one.heard()) == []
    assert list(News(tmp_path, "gw2").heard()) == [Word("a"), crash], "a worker that came later"


def test_a_line_that_is_being_written_is_heard_when_it_is_whole(tmp_path: Path) -> None:
    listener, file = News(tmp_path, "gw1"), tmp_path / f"gw0{SUFFIX}"
    file.write_text('["a", null]\n["b", ')
    assert list(listener.heard()) == [Word("a")]
    file.write_text('["a", null]\n["b", null]\n')
    assert list(listener.heard()) == [Word("b")]


def test_what_is_no_word_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / f"gw0{SUFFIX}").write_bytes(
        b'\xff\n{}\n["a", null, false, 3]\n[]\n17\n[["c"]]\n["a", 1]\n["b", null]\n'
    )
    assert list(News(tmp_path, "gw1").heard()) == [Word("b")]


def test_a_folder_that_has_gone_is_no_error(tmp_path: Path) -> None:
    news = News(tmp_path / "progress", "gw0")
    news.write(Word("a"))
    assert list(news.heard()) == []
    (tmp_path / "progress").mkdir()
    News(tmp_path / "progress", "gw1").write(Word("a"))
    assert list(news.heard()) == [Word("a")]
    shutil.rmtree(tmp_path / "progress")
    assert list(news.heard()) == []
