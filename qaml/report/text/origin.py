"""The origin of adversarials: the attack and the model that they were made on."""

from __future__ import annotations

from typing import NamedTuple


class Origin(NamedTuple):
    """An attack and the model that it ran on."""

    attack: str
    model: str

    @property
    def words(self) -> str:
        """The origin in words, such as ``pgd made on convnet``."""
        return f"{self.attack} made on {self.model}"


def origin(model: str, attack: str, surrogate: str | None = None) -> Origin:
    """The origin of adversarials that are scored on a model.

    Args:
        model: the model that is scored.
        attack: name of the attack; ``pgd@convnet`` is pgd made on convnet.
        surrogate: the model that transferred adversarials were made on, if the outcome has it.
    """
    name, _, maker = attack.partition("@")
    return Origin(name, surrogate or maker or model)
