"""A model behind transforms that are fitted on its training data: its fields."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

from qaml.data.base import TransformPart
from qaml.data.transforms.inputs import InputTransform
from qaml.errors import PartError
from qaml.models.base import History, Hooks, ModelPart, Training
from qaml.models.network_part import NetworkPart
from qaml.types import InputInfo, Module, Split


class Fronted(ModelPart):
    """A model of a suite with ``front``: transforms between the dataset's inputs and what the model computes with.

    Attacks, defences and transfers act on the dataset's inputs, and gradients flow through the front. A suite writes
    ``front`` among the model's own fields; there is no kind of this name.
    """

    kind: str
    """Kind of the model."""
    front: tuple[TransformPart, ...]
    """Transforms of the front, in order."""
    model: ModelPart
    """The model itself."""

    @property
    def runs_foreign_code(self) -> bool:
        """Whether the model or a transform is not qaml's own."""
        return any(part.runs_foreign_code for part in (self.model, *self.front))

    @property
    def source_modules(self) -> tuple[str, ...]:
        """The module that composes both; the model and the transforms name their own."""
        return ("qaml.models.front.network",)

    def find_code(self) -> None:
        """Look up the model's code, where it names any."""
        self.model.find_code()

    @property
    def trains_through(self) -> bool:
        """Whether it trains by gradients of its logits, so that defences can attack it at the dataset's inputs."""
        return isinstance(self.model, NetworkPart)

    @property
    def has_gradients(self) -> bool:
        """Whether the model's logits are differentiable; all transforms of a front are."""
        return self.model.has_gradients

    @property
    def is_randomised(self) -> bool:
        """Whether the model draws."""
        return self.model.is_randomised

    @property
    def is_trained(self) -> bool:
        """Whether the model brings its weights; the front is fitted all the same."""
        return self.model.is_trained and not any(part.is_fitted for part in self.front)

    def seen(self, info: InputInfo) -> InputInfo:
        """The description of what the model computes with.

        Raises:
            PartError: a transform does not fit, or cannot be in front of a model.
        """
        return reduce(lambda seen, part: in_front(part).describe(seen), self.front, info)

    def check(self, info: InputInfo) -> None:
        """Refuse inputs that a transform or the model cannot take.

        Raises:
            PartError: the inputs do not fit; the message says what would.
        """
        seen = self.seen(info)
        if self.model.needs_images and not seen.is_image:
            raise PartError(f"model {self.kind!r} needs images, its front makes inputs of shape {seen.shape}")
        if seen.is_state and not self.model.takes_states:
            raise PartError(f"model {self.kind!r} takes features, its inputs are quantum states")
        self.model.check(seen)

    def build(self, info: InputInfo, seed: int) -> Module:
        """The untrained model behind a front that is not fitted yet."""
        from qaml.models.front.network import Front, Layer

        layers, seen = [], info
        for part in self.front:
            layers.append(Layer(in_front(part), seen))
            seen = part.describe(seen)
        return Front(layers, self.model.build(seen, seed))

    def fit(self, module: Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> History:
        """Fit the front on the training inputs, then train the model, with the front's results as its inputs."""
        from qaml.models.front.network import Front

        assert isinstance(module, Front)
        changed = module.fit(data.inputs)
        if not self.trains_through:
            inner = Split(changed, data.labels, data.indices)
            history = self.model.fit(module.classifier, inner, self.seen(info), hooks, seed)
        else:
            with module.attached() as classifier:
                history = self.model.fit(classifier, data, info, hooks, seed)
        module.eval()
        return history

    def to_embed(self, info: InputInfo) -> Mapping[str, Any] | None:
        """The machine to embed on an annealer, of the size that the front leaves."""
        return self.model.to_embed(self.seen(info))

    def embedded(self, chains: Path) -> ModelPart:
        """The same model with this file as its embedding on an annealer.

        Raises:
            PartError: the model is trained without one.
        """
        return self.model_copy(update={"model": self.model.embedded(chains)})


def in_front(part: TransformPart) -> InputTransform:
    """The transform, if it can be in front of a model.

    Raises:
        PartError: it is no differentiable function of each input by itself.
    """
    if isinstance(part, InputTransform):
        return part
    raise PartError(
        f"transform {part.kind!r} cannot be in front of a model: it chooses examples, or has no gradient",
        "give it to the dataset",
    )


def fronted(model: ModelPart, front: tuple[TransformPart, ...]) -> ModelPart:
    """The model behind a front; the model itself without one."""
    if not front:
        return model
    training = Training.model_construct(**dict(model.training))  # a model may have settings of a class of its own
    return Fronted(kind=model.kind, front=front, model=model, training=training)
