"""Every claim of every spec, as a test. The plugin ``qaml.pytest_plugin`` expands it."""

from qaml.pytest_plugin import CheckedClaim


def test_claim(claim: CheckedClaim) -> None:
    claim.check()
