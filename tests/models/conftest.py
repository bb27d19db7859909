import pytest


@pytest.fixture(autouse=True)
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QAML_TRUSTED_MODULES", "tests.models.user_module, tests.models.user_qnodes")
