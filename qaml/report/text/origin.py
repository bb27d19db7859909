"""Where adversarials were made: the attack and the model that it saw."""

from __future__ import annotations

from typing import NamedTuple


class Origin(NamedTuple):
    """An attack and the model that it ran on."""

    attack: str
    model: str

    @property
    def words(self) -> str:
        """``pgd made on convnet``."""
        return f"{self.attack} made on {self.model}"


def origin(model: str, attack: str, surrogate: str | None = None) -> Origin:
    """The origin of adversarials that are scored on a model.

    Args:
        model: the model scored.
        attack: its name; ``pgd@convnet`` is pgd made on convnet.
        surrogate: the model that transferred ones were made on, where the outcome tells it.
    """
    name, _, maker = attack.partition("@")
    return Origin(name, surrogate or maker or model)
