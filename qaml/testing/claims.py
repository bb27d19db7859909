"""The test file of ``qaml run``: every claim of every spec, as a test."""

from qaml.pytest_plugin import CheckedClaim


def test_claim(claim: CheckedClaim) -> None:
    """The claim reaches the verdict that its spec expects."""
    claim.check()
