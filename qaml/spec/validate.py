"""Validate a mapping of the document as a part or as plain settings, noting every error at its place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar

from pydantic import ValidationError

from qaml.spec.nodes import Located, Path
from qaml.spec.problems import Problems
from qaml.spec.translate import report
from qaml.types import Settings

S = TypeVar("S", bound=Settings)


def validate(settings: type[S], node: Located, path: Path, problems: Problems, common: Sequence[str] = ()) -> S | None:
    """The validated settings, or None with the problems noted.

    Args:
        settings: a class of settings, or a family's base class, which resolves ``kind``.
        node: the mapping; anything else was noted by the check of the document's shape.
        path: path of the node, for messages.
        problems: collects the mistakes.
        common: fields that every entry has beside the part's own, for hints.
    """
    if not node.is_mapping:
        return None
    try:
        return settings.model_validate_json(json.dumps(node.plain()))
    except ValidationError as error:
        report(error, node, path, settings, problems, common)
        return None
