"""The evidence that the judge reads, by name. It is implemented over the store, and by simulations over arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from qaml.errors import RunError
from qaml.types import BoolArray, FloatArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qaml.claims.base import ReportedTable
    from qaml.metrics.evidence import Attacked, AttackTraits, Clean, Diagnosis, Distances, Nearer
    from qaml.metrics.sampling import Inspections
    from qaml.plan.judged import Surrogate

    pass


class Detections(NamedTuple):
    """The images that a detector flagged.

    Attributes:
        adversarial: (seeds, n) float32, share of draws in which the adversarial is flagged.
        clean: (seeds, m) float32, share of draws in which the clean image is flagged.
        fooling: (seeds, n) bool, whether the adversarial fools every model that it was made on.
        thresholds: increasing thresholds of the detector's suspicion, which are the points of its curve.
        true_positives: share of adversarials flagged at each threshold.
        false_positives: share of clean images flagged at each threshold.
        heard: (model, attack) pairs whose answers the detector used; the attack is ``None`` for clean images.
    """

    adversarial: FloatArray
    clean: FloatArray
    fooling: BoolArray | None = None
    thresholds: tuple[float, ...] = ()
    true_positives: tuple[float, ...] = ()
    false_positives: tuple[float, ...] = ()
    heard: tuple[tuple[str, str | None], ...] = ()


class Repeats(NamedTuple):
    """Numbers of a dataset's test examples, before its transforms, and of those that are also training examples."""

    n_repeated: int
    n_test: int

    @property
    def share(self) -> float:
        """Share of the test examples that are also training examples."""
        return self.n_repeated / self.n_test


class Source(Protocol):
    """Evidence of one suite at one profile; names are the suite's."""

    def clean(self, model: str) -> Clean:
        """The model's answers to clean test images."""

    def attacked(self, model: str, attack: str) -> Attacked:
        """The model's answers to the attack's adversarials."""

    def traits(self, attack: str) -> AttackTraits:
        """The attack's configuration, as far as findings need it."""

    def diagnosis(self, model: str, attack: str) -> Diagnosis | None:
        """The diagnostics of this model under this attack's threat; ``None`` if diagnostics are off."""

    def distances(self, model: str, attack: str) -> Distances | None:
        """The attack's norms without bounds and exact distances; ``None`` if it does not minimise or there are none."""

    def history(self, model: str) -> tuple[dict[str, list[float]], ...]:
        """Training curves, one dictionary a seed."""

    def parameter(self, model: str, name: str) -> tuple[tuple[float, ...], ...]:
        """A trained parameter, one vector a seed."""

    def reported(self, table: str) -> ReportedTable:
        """One of the suite's tables."""

    def detections(self, detector: str) -> Detections:
        """The images that one detector flagged.

        Raises:
            RunError: the source has no evidence of detectors.
        """
        raise RunError(f"nothing was measured about detector {detector!r}")

    def weaker_diagnoses(self, model: str, attack: str) -> tuple[Diagnosis, ...]:  # noqa: ARG002
        """The diagnostics at the claim's smaller budgets, smallest first."""
        return ()

    def inspections(self, model: str) -> Inspections:  # noqa: ARG002
        """The results of inspecting the model's samples, one dictionary a seed; empty for models without samples."""
        return ()

    def repeats(self, model: str) -> Repeats | None:  # noqa: ARG002
        """Numbers of the dataset's test examples and of repeated ones; ``None`` if they were not counted."""
        return None

    def surrogates(self) -> Mapping[str, Surrogate]:
        """The models that attacks are made on and that have a reference accuracy, by name."""
        return {}

    def weights_of(self, model: str) -> str:
        """A name for the training runs of a model, which is the same for models that share them (``derive``)."""
        return model


@runtime_checkable
class NearerSource(Protocol):
    """A source with the norms that other attacks find where a claim is about norms."""

    def nearer(self, model: str, attack: str) -> Nearer | None:
        """The smallest known perturbations of this model; ``None`` if none were searched."""
