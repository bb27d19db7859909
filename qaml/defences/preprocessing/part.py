"""The base of defences that change inputs, in the data or in front of the classifier."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from qaml.defences.base import DefencePart, ForTraining
from qaml.models.base import Hooks
from qaml.types import FloatArray, InputInfo, Module


class PreprocessingPart(DefencePart, ABC):
    """A defence that is one function of the inputs; a part adds its fields and ``layer``.

    Either way the network is trained on defended inputs. A defence in the classifier is applied to each batch in
    training, and is wrapped around the trained network.
    """

    where: Literal["data", "classifier"] = "data"
    """``data``: training and test inputs are defended before any attack, and the attack starts from the defended input
    (Kehoe et al. 2021, section 4); ``classifier``: the defence is part of the model, and the attack goes through it."""

    @abstractmethod
    def layer(self, info: InputInfo) -> Module:
        """The defence as a module: (batch, *shape) within bounds → the same shape within bounds."""

    def defend_inputs(self, inputs: FloatArray, info: InputInfo) -> FloatArray:
        """The defended inputs, if the defence changes the data."""
        if self.where != "data":
            return inputs
        from qaml.defences.preprocessing.network import applied

        self.check(info)
        return applied(self.layer(info), inputs)

    def wrap(self, module: Module, info: InputInfo) -> Module:
        """The classifier behind the defence, if the defence is inside the classifier."""
        if self.where != "classifier":
            return module
        from qaml.defences.preprocessing.network import Preprocessed

        self.check(info)
        return Preprocessed(self.layer(info), module)

    def training_hooks(self, given: ForTraining) -> Hooks:
        """Hooks that show the network defended batches, if it is in the classifier and ``info`` is given."""
        if self.where != "classifier" or given.info is None:
            return Hooks()
        from qaml.defences.preprocessing.network import PreprocessedBatches

        return PreprocessedBatches(self.layer(given.info), given.seed)
