"""What the judge reads: evidence by name. Implemented over the store; simulations implement it over arrays."""

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
    """What a detector flagged.

    Attributes:
        adversarial: (seeds, n) float32, share of draws flagged, on adversarials.
        clean: (seeds, m) the same on clean images.
        fooling: (seeds, n) bool, whether the adversarial fools every model that it was made on.
        thresholds: of the detector's suspicion, increasing: the points of its curve.
        true_positives: share of adversarials flagged at each threshold.
        false_positives: share of clean images flagged at each threshold.
        heard: the models that the detector listened to, on clean images (None) and under attacks.
    """

    adversarial: FloatArray
    clean: FloatArray
    fooling: BoolArray | None = None
    thresholds: tuple[float, ...] = ()
    true_positives: tuple[float, ...] = ()
    false_positives: tuple[float, ...] = ()
    heard: tuple[tuple[str, str | None], ...] = ()


class Repeats(NamedTuple):
    """Test examples of a dataset, before its transforms, that are among its training examples."""

    n_repeated: int
    n_test: int

    @property
    def share(self) -> float:
        """Of the test examples."""
        return self.n_repeated / self.n_test


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

    def distances(self, model: str, attack: str) -> Distances | None:
        """The attack without bounds beside exact distances; None where it does not minimise or there are none."""

    def history(self, model: str) -> tuple[dict[str, list[float]], ...]:
        """Training curves, one dictionary a seed."""

    def parameter(self, model: str, name: str) -> tuple[tuple[float, ...], ...]:
        """A trained parameter, one vector a seed."""

    def reported(self, table: str) -> ReportedTable:
        """One of the suite's tables."""

    def detections(self, detector: str) -> Detections:
        """What one detector flagged.

        Raises:
            RunError: nothing was measured about it.
        """
        raise RunError(f"nothing was measured about detector {detector!r}")

    def weaker_diagnoses(self, model: str, attack: str) -> tuple[Diagnosis, ...]:  # noqa: ARG002
        """The diagnostics at smaller budgets that the claim asks for, increasing."""
        return ()

    def inspections(self, model: str) -> Inspections:  # noqa: ARG002
        """What an inspection of the samples found, one dictionary a seed; none for models without."""
        return ()

    def repeats(self, model: str) -> Repeats | None:  # noqa: ARG002
        """Test examples of the model's dataset that are among its training examples; None where nobody looked."""
        return None

    def surrogates(self) -> Mapping[str, Surrogate]:
        """The models that attacks are made on and that are held against a reference accuracy, by name."""
        return {}

    def weights_of(self, model: str) -> str:
        """A name for the training runs behind a model: the same for models that share them (``derive``)."""
        return model


@runtime_checkable
class NearerSource(Protocol):
    """A source that knows what other attacks find in the norm of a minimising one."""

    def nearer(self, model: str, attack: str) -> Nearer | None:
        """The smallest perturbations known of this model; None where nobody looked."""
