"""Names of suites: a file of the user's first, then a shipped one."""

from __future__ import annotations

from pathlib import Path

import pytest

import qaml
from qaml.errors import SpecError
from qaml.spec.load import as_named, find_specs
from qaml.spec.shipped import located, shipped
from tests.spec.cases import REAL


def test_every_spec_of_the_repository_is_shipped_by_its_suites_name() -> None:
    assert list(shipped().values()) == REAL
    for name in shipped():
        assert qaml.load_suite(name).name == name


def test_a_name_means_a_file_of_ones_own_first(tmp_path: Path) -> None:
    assert located("kehoe2021", tmp_path) == shipped()["kehoe2021"]
    for file in ("specs/kehoe2021.yaml", "kehoe2021.yml", "kehoe2021.yaml"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
        assert located("kehoe2021", tmp_path) == tmp_path / file
    (tmp_path / "kehoe2021").mkdir()
    assert located("kehoe2021", tmp_path) == tmp_path / "kehoe2021.yaml", "an empty folder is no spec"
    (tmp_path / "kehoe2021" / "a.yaml").touch()
    assert located("kehoe2021", tmp_path) == tmp_path / "kehoe2021"


@pytest.mark.parametrize("typed", ["kehoe", "specs/kehoe2021", "kehoe2021.yaml", "./kehoe2021", ".", "..", "/"])
def test_nothing_but_a_name_is_a_name(typed: str, tmp_path: Path) -> None:
    assert located(typed, tmp_path) == tmp_path / typed


@pytest.mark.parametrize("typed", ["kehoe2012", "kehoe2021.yaml", "specs/kehoe2021.yaml", "kehoe2021.yml"])
def test_what_leads_nowhere_gets_a_suggestion(typed: str) -> None:
    with pytest.raises(SpecError, match=r"no such file or folder\n  hint: did you mean 'kehoe2021'\? give a file"):
        find_specs([Path("/nowhere") / typed])


def test_a_shipped_suite_is_called_by_its_name_where_that_leads_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = shipped()["west2022"]
    assert as_named(path) == "west2022"
    (tmp_path / "west2022.yaml").touch()
    assert as_named(path) == str(path)
    assert as_named(tmp_path / "west2022.yaml") == "west2022.yaml"
