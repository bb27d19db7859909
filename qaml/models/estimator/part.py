"""Configuration of a scikit-learn-like estimator: the library's own classes, or an object of the user's."""

from __future__ import annotations

import difflib
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from qaml.models.at_once_part import AtOncePart
from qaml.models.base import History, Hooks
from qaml.models.estimator.known import KNOWN
from qaml.models.factories import Arguments, Factory, imported, resolve, trusted
from qaml.types import InputInfo, Module, Split

Method = Literal["predict_proba", "decision_function", "predict"]
"""A method whose answers become logits."""


class Estimator(AtOncePart):
    """An object with ``fit(X, y)`` and ``predict_proba``, ``decision_function`` or only ``predict``.

    Inputs are flattened, (n, n_features) float32, labels are 0 … n_classes − 1. Logits are log P, P ≥ 1e-12; or
    decision values, ± half of the one value of two classes; or log P of a certain answer. They have no gradients, so
    that attacks need a surrogate or answers alone. A trained one is stored as its training data, with its answers to
    some of them: steps that need it fit it again, with the same seed, and compare.
    """

    takes_states: ClassVar[bool] = True
    has_gradients: ClassVar[bool] = False

    kind: Literal["estimator"] = "estimator"
    factory: Factory
    """``module:callable`` that makes the object: a classifier of scikit-learn, such as
    ``sklearn.ensemble:RandomForestClassifier``, or one of a Python module that the user trusts."""
    arguments: Arguments = Field(default={})
    """Keyword arguments of the factory. A ``random_state`` that is left out comes from the seed, ``n_jobs`` is 1."""
    answers: Method | None = None
    """Method whose answers become logits (default: the first that the object has, in the order given above)."""
    reads: tuple[str, ...] = Field((), exclude=True)  # the key holds their content; no draw depends on their names
    """Files and folders that the object reads, and environment variables as ``env:NAME``: results depend on their
    content."""

    @field_validator("factory")
    @classmethod
    def _known_or_own(cls, value: str) -> str:
        if value.startswith("sklearn.") and value not in KNOWN:
            close = difflib.get_close_matches(value, sorted(KNOWN), 1, 0.8)
            other = "for pipelines and other combinations write a function that returns one, and name that"
            hint = f"did you mean {close[0]!r}?" if close else other
            message = f"{value!r} is not among scikit-learn's classifiers that are made from plain settings"
            raise PydanticCustomError("estimator", "{message}", {"message": message, "hint": hint})
        return value

    @property
    def runs_foreign_code(self) -> bool:
        """Whether the factory is not among scikit-learn's own."""
        return self.factory not in KNOWN

    @property
    def source_modules(self) -> tuple[str, ...]:
        """The user's Python module, if it is one.

        Raises:
            PartError: it is not trusted, so that its source may not be read either.
        """
        return (trusted(self.factory),) if self.runs_foreign_code else ()

    @property
    def what_it_reads(self) -> tuple[str, ...]:
        """The files, folders and variables that the part declares."""
        return self.reads

    def find_code(self) -> None:
        """Import the factory's module, if it is trusted, and look the factory up."""
        self.resolved()

    def resolved(self) -> Any:
        """The factory.

        Raises:
            PartError: it is not trusted, or there is none.
        """
        return (resolve if self.runs_foreign_code else imported)(self.factory, "an estimator")

    def build(self, info: InputInfo, seed: int) -> Module:  # noqa: ARG002
        """A classifier around an estimator that is not fitted yet; its logits are zero.

        Raises:
            PartError: the factory is not trusted, cannot be imported or called, or makes no estimator.
        """
        from qaml.models.estimator.network import EstimatorClassifier

        return EstimatorClassifier(self, info)

    def fit(self, module: Module, data: Split, info: InputInfo, hooks: Hooks, seed: int) -> History:  # noqa: ARG002
        """Fit it to all training data at once; curves ``loss`` and ``accuracy``, of one value.

        Raises:
            PartError: its ``fit`` fails, or its answers are no logits.
        """
        from qaml.models.estimator.network import fit

        return fit(module, data, hooks, seed)
