"""qaml: claims about adversarially robust (quantum) machine learning, as tests that train, attack and judge.

``load_suite``, ``run_suite`` and ``judge_outcomes`` are for notebooks and scripts; they are imported when first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qaml.api import judge_outcomes, load_suite, run_suite

__version__ = "0.1.0"
__all__ = ["judge_outcomes", "load_suite", "run_suite"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from qaml import api

        return getattr(api, name)
    raise AttributeError(f"module 'qaml' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
