"""What the judge reads: evidence by name. Implemented over the store; simulations implement it over arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from qaml.claims.base import ReportedTable
    from qaml.metrics.evidence import Attacked, AttackTraits, Clean, Diagnosis


class Source(Protocol):
    """Evidence of one suite at one profile; names are the suite's."""

    def clean(self, model: str) -> Clean:
        """The model on clean test images."""

    def attacked(self, model: str, attack: str) -> Attacked:
        """The model on the attack's adversarials."""

    def traits(self, attack: str) -> AttackTraits:
        """The attack's configuration, as far as findings need it."""

    def diagnosis(self, model: str, attack: str) -> Diagnosis | None:
        """The diagnostics of this model under this attack's threat; None where diagnostics are off."""

    def history(self, model: str) -> tuple[dict[str, list[float]], ...]:
        """Training curves, one dictionary a seed."""

    def parameter(self, model: str, name: str) -> tuple[tuple[float, ...], ...]:
        """A trained parameter, one vector a seed."""

    def reported(self, table: str) -> ReportedTable:
        """One of the suite's tables."""
