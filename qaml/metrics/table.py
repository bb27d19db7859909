"""The table of metrics: an entry each, from which everything that depends on a metric is derived.

To add one, write its function in a file of its own, its entry here, and its line in ``METRICS``. A metric of another
package is an entry there, named in the entry-point group ``qaml.metrics``.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from qaml.errors import PartError
from qaml.metrics.base import MetricPart
from qaml.registry import Registry, details

METRICS: Registry[MetricPart] = Registry(
    "metric",
    "qaml.metrics",
    {
        "clean_accuracy": "qaml.metrics.table:CleanAccuracy",
        "accuracy_under_attack": "qaml.metrics.table:AccuracyUnderAttack",
        "robust_accuracy": "qaml.metrics.table:RobustAccuracy",
        "attack_success_rate": "qaml.metrics.table:AttackSuccessRate",
        "norm_quantile": "qaml.metrics.table:NormQuantile",
        "retained": "qaml.metrics.table:Retained",
        "epsilon_at": "qaml.metrics.table:EpsilonAt",
        "training_loss": "qaml.metrics.table:TrainingLoss",
        "certified_accuracy": "qaml.metrics.table:CertifiedAccuracy",
        "low_frequency_share": "qaml.metrics.table:LowFrequencyShare",
        "shots_needed": "qaml.metrics.table:ShotsNeeded",
        "fidelity": "qaml.metrics.table:Fidelity",
        "flip_probability": "qaml.metrics.table:FlipProbability",
        "noise_reach": "qaml.metrics.table:NoiseReach",
        "sampling_error": "qaml.metrics.table:SamplingError",
        "gradient_angle": "qaml.metrics.table:GradientAngle",
    },
)
METRICS.bind(MetricPart)


@cache
def metric(name: str) -> MetricPart:
    """The metric of this name.

    Raises:
        PartError: there is none, or its package cannot be imported.
    """
    return METRICS.load(name)(kind=name)


def _known(name: str) -> str:
    try:
        metric(name)
    except PartError as error:
        raise PydanticCustomError("metric_unknown", "{message}", details(error)) from error
    return name


MetricName = Annotated[str, AfterValidator(_known), WithJsonSchema({"enum": METRICS.builtin_kinds(), "type": "string"})]
"""The name of a metric in a spec."""


class CleanAccuracy(MetricPart):
    """Share of unattacked test images that are classified correctly."""

    unit = "share"
    direction = "neither"
    is_accuracy = True
    function = "qaml.metrics.accuracy:clean_accuracy"


class AccuracyUnderAttack(MetricPart):
    """Share of one attack's adversarials, at one budget, that are classified correctly: what papers print."""

    unit = "share"
    direction = "falls"
    attacks = "one"
    budget = "needed"
    is_accuracy = True
    function = "qaml.metrics.accuracy:accuracy_under_attack"


class RobustAccuracy(MetricPart):
    """Share of images that are classified correctly, and that none of the attacks turns wrong at any budget up to ε."""

    unit = "share"
    direction = "falls"
    attacks = "several"
    budget = "needed"
    is_accuracy = True
    function = "qaml.metrics.accuracy:robust_accuracy"


class AttackSuccessRate(MetricPart):
    """Share of the correctly classified images that one attack at one budget turns wrong."""

    unit = "share"
    direction = "rises"
    attacks = "one"
    budget = "needed"
    is_of_clean_correct = True
    function = "qaml.metrics.accuracy:attack_success_rate"


class NormQuantile(MetricPart):
    """The norm of perturbation that a share of the images needs to be fooled, such as the median."""

    unit = "norm"
    direction = "falls"
    attacks = "several"
    budget = "found"
    basis = "norms"
    function = "qaml.metrics.crossing:norm_quantile"


class Retained(MetricPart):
    """Robust accuracy as a share of clean accuracy."""

    unit = "share"
    direction = "falls"
    attacks = "several"
    budget = "needed"
    is_of_clean_correct = True
    function = "qaml.metrics.accuracy:retained"


class EpsilonAt(MetricPart):
    """The budget at which accuracy has fallen to a given value."""

    unit = "norm"
    direction = "falls"
    attacks = "several"
    budget = "every"
    function = "qaml.metrics.crossing:epsilon_at"


class TrainingLoss(MetricPart):
    """The loss at the end of training."""

    unit = "number"
    direction = "neither"
    is_of_training = True
    function = "qaml.metrics.loss:training_loss"


class CertifiedAccuracy(MetricPart):
    """Share of images that are classified correctly and provably keep their answer within ε."""

    unit = "share"
    direction = "neither"
    attacks = "one"
    budget = "radius"
    basis = "distances"
    function = "qaml.metrics.accuracy:certified_accuracy"


class LowFrequencyShare(MetricPart):
    """Share of a perturbation's spectral energy at low spatial frequencies."""

    unit = "share"
    direction = "void"
    attacks = "one"
    budget = "optional"
    basis = "adversarials"
    needs = ("images",)
    function = "qaml.metrics.perturbation:low_frequency"


class ShotsNeeded(MetricPart):
    """How often a circuit must be measured until its sampled answer is its exact one with 99 %."""

    unit = "number"
    direction = "void"
    attacks = "optional"
    budget = "optional"
    basis = "adversarials"
    needs = ("circuit",)
    function = "qaml.metrics.crossing:shots_quantile"


class Fidelity(MetricPart):
    """Mean overlap |⟨ψ(x)|ψ(x')⟩|² of clean and perturbed states, as encoded, before any gate."""

    unit = "share"
    direction = "void"
    attacks = "one"
    budget = "optional"
    basis = "adversarials"
    needs = ("measured_wire", "bare")
    function = "qaml.metrics.perturbation:fidelity"


class FlipProbability(MetricPart):
    """Σp, the flips that trained noise layers average to, summed over layers and wires."""

    unit = "number"
    direction = "neither"
    needs = ("noise_layers",)
    is_of_training = True
    function = "qaml.metrics.loss:flip_probability"


class NoiseReach(MetricPart):
    """Share of images whose label trained noise layers could change: |⟨Z⟩| ≤ 2Σp."""

    unit = "share"
    direction = "void"
    attacks = "optional"
    budget = "optional"
    basis = "adversarials"
    needs = ("noise_layers", "exact_decision", "bare")
    function = "qaml.metrics.perturbation:noise_reach"


class SamplingError(MetricPart):
    """Deviation of a sampler's averages from the machine's own, × that of as many independent samples."""

    unit = "number"
    direction = "neither"
    needs = ("inspected_samples",)
    is_of_training = True
    function = "qaml.metrics.sampling:sampling_errors"


class GradientAngle(MetricPart):
    """Degrees between the estimated and the true gradient."""

    unit = "number"
    direction = "neither"
    needs = ("inspected_samples",)
    is_of_training = True
    function = "qaml.metrics.sampling:gradient_angles"
