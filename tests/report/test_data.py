from __future__ import annotations

import csv
import io
import math
from urllib.parse import unquote

from hypothesis import example, given
from hypothesis import strategies as st

from qaml.report.figures import data
from qaml.text import one_line


def saved(address: str) -> str:
    kind, _, content = address.partition(",")
    assert kind == "data:text/csv;charset=utf-8"
    assert content.isascii()
    return unquote(content)


def test_numbers_are_as_they_were_and_what_does_not_exist_is_empty() -> None:
    text = data.csv(("a", "b"), [(0.1, -2), (math.nan, None), (math.inf, "x")])
    assert text == "a,b\n0.1,-2\n,\ninf,x\n"


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=12), min_size=1, max_size=4))
@example(['a,b "c"\nd', "100 % & <x>", "é=1"])
def test_a_table_is_read_back(row: list[str]) -> None:
    text = saved(data.data("x", row, [row]).address)
    wanted = [f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell for cell in map(one_line, row)]
    assert [line or [""] for line in csv.reader(io.StringIO(text, newline=""))] == [wanted, wanted]


def test_a_spreadsheet_computes_nothing() -> None:
    for text in ("=1+1", "+1", "-1", "@SUM(1)", " =1", "\t=1"):
        assert data.csv((text,), []).startswith("'")
    assert data.csv((), [(-1.5,)]) == "\n-1.5\n"


def test_a_files_name_is_safe_on_every_file_system() -> None:
    assert data.data("rbm-loss", (), []).name == "rbm-loss.csv"
    assert data.data("../a b", (), []).name.startswith("a-b-")
