"""The curves of a claim's detectors, and their detection rates among adversarials that fool."""

from __future__ import annotations

from qaml.claims.base import ClaimPart
from qaml.judge.source import Detections, Source
from qaml.outcome.drawings import Roc
from qaml.registry import references


def detections_of(claim: ClaimPart, source: Source) -> dict[str, Detections]:
    """The images that each detector of the claim flagged, by name."""
    names = dict.fromkeys(name for _, table, name in references(claim) if table == "detectors")
    return {name: source.detections(name) for name in names}


def curve_of(detector: str, found: Detections) -> Roc:
    """The detector's curve, averaged over seeds."""
    return Roc(
        detector=detector,
        thresholds=found.thresholds,
        true_positives=found.true_positives,
        false_positives=found.false_positives,
    )


def among_fooling(detector: str, found: Detections) -> str:
    """The detection rate among adversarials that fool the models they were made on, in words; others do no harm."""
    if found.fooling is None or not found.fooling.any():
        return f"{detector}: no adversarial fools the model that it was made on"
    flagged = found.adversarial[found.fooling]
    return (
        f"{detector}: {100 * flagged.mean():.1f} % detected of the {flagged.size} of {found.fooling.size} adversarials "
        "(all seeds) that fool every model they were made on"
    )
