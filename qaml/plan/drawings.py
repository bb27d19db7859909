"""The steps that draw something for the report: pictures of adversarials, and portraits of decision regions."""

from __future__ import annotations

from qaml.plan.classifier import described, restored
from qaml.plan.maker import StepMaker
from qaml.plan.models import ModelSteps
from qaml.plan.role import Role
from qaml.plan.step import Step

PICTURES = 6
"""Number of test images that are shown for each model and attack."""
POINTS = 100
"""Number of test examples that are shown as points, as in Huang & Zhang 2023, figure 2."""


def picture(maker: StepMaker, model: ModelSteps, attack: str, craft: Step) -> Step | None:
    """The step that draws images with their adversarials; ``None`` if the data are no images."""
    entry = model.entry
    if not maker.suite.datasets[entry.dataset].info.is_image:
        return None
    payload = {"classifier": described(maker.suite, entry), "count": PICTURES}
    title, parents = f"pictures of {entry.name} under {attack}", model.first | {Role("attack"): craft}
    return maker.make("picture", title, payload, parents, restored(entry))


def portrait(maker: StepMaker, model: ModelSteps, attack: str, craft: Step) -> Step | None:
    """The step that draws decision regions of two features, or a circuit and its states; ``None`` for other models."""
    entry = model.entry
    if maker.suite.datasets[entry.dataset].info.n_features != 2 and not entry.part.is_sketched:
        return None
    untrained = model.trains[0].seed  # the seed of the weights before training
    payload = {"classifier": described(maker.suite, entry), "count": POINTS, "trained_from": untrained}
    title, parents = f"portrait of {entry.name} under {attack}", model.first | {Role("attack"): craft}
    return maker.make("portrait", title, payload, parents, restored(entry))
