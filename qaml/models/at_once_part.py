"""The common base of models that are fitted to all training data in one go."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from qaml.models.base import ModelPart, Training


class AtOncePart(ModelPart, ABC):
    """A model without epochs and batches; ``training`` is refused, as none of its settings has an effect."""

    trains_at_once: ClassVar[bool] = True

    training: Training = Training()
    """Not used, and refused: the model is fitted to all training data at once."""

    @field_validator("training", mode="before")
    @classmethod
    def _has_no_epochs(cls, value: object) -> object:
        if value != Training() and value != Training().model_dump(mode="json"):  # as it is read back from JSON
            raise PydanticCustomError(
                "training",
                "{message}",
                {
                    "message": "this model is fitted at once, without an optimiser, epochs and batches",
                    "hint": "leave out 'training'; its settings are fields, or 'arguments', of the model",
                },
            )
        return value
