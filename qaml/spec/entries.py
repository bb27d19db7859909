"""From the sections of a document to validated datasets, models, attacks and tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import ConfigDict, Field

from qaml.data.base import TransformPart
from qaml.defences.base import DefencePart
from qaml.models.base import ModelPart
from qaml.models.front.part import fronted
from qaml.registry import DatasetName, ModelName
from qaml.spec.limits import MAX_SEEDS
from qaml.spec.merge import SECTIONS, merge
from qaml.spec.nodes import Located, mapping
from qaml.spec.problems import Problems, suggest
from qaml.spec.suite import Evaluation, Inference, ModelEntry, Reference
from qaml.spec.validate import validate
from qaml.types import Settings

P = TypeVar("P", bound=Settings)


class ModelFields(Settings):
    """The fields that every model of a suite has beside those of its kind."""

    dataset: DatasetName
    """The dataset that it is trained and tested on."""
    front: tuple[TransformPart, ...] = ()
    """Transforms between the dataset's inputs and what the model computes with, fitted on its training data. Attacks
    and defences act on the dataset's inputs, and gradients flow through the front."""
    defences: tuple[DefencePart, ...] = ()
    """Defences of the model, applied in this order."""
    inference: Inference = Inference()
    """Rule by which a randomised model decides."""
    seeds: int | None = Field(None, ge=1, le=MAX_SEEDS)
    """Number of training runs (default: the evaluation's, then the kind's own)."""
    reference_accuracy: float | None = Field(None, gt=0, le=1)
    """Clean accuracy that a model of this kind reaches on this data when it is trained well. Verdicts about attacks
    made on a training run that surely stays below it say so."""
    reference_source: str = ""
    """Source of the reference accuracy: a paper, a leaderboard, a measurement."""
    stream: int = Field(0, ge=0, le=1_000_000)
    """Number of the random stream: models of equal settings and stream train to equal weights."""


class Derivation(Settings):
    """A model that shares another's trained weights and changes inference only."""

    model_config = ConfigDict(validate_by_name=False, validate_by_alias=True)

    base: Annotated[ModelName, Field(alias="from")]
    """The model whose trained weights are used."""
    inference: Inference = Inference()
    """Rule by which the derived model decides; omitted fields are the other model's."""


COMMON = tuple(ModelFields.model_fields)
SHARED = (*COMMON, "extends", "derive")


def build_parts(document: Located, section: str, base: type[P], problems: Problems) -> dict[str, P]:
    """The validated parts of a section without common fields (datasets, attacks)."""
    table = document.entries.get(section)
    if table is None:
        return {}
    common = ("extends",) if section in SECTIONS else ()
    parts: dict[str, P] = {}
    for name, node in table.entries.items():
        part = validate(base, node, (section, name), problems, common)
        if part is not None:
            parts[name] = part
    return parts


def build_models(document: Located, evaluation: Evaluation, problems: Problems) -> dict[str, ModelEntry]:
    """The suite's models."""
    models: dict[str, ModelEntry] = {}
    table = document.entries.get("models")
    if table is None:
        return models
    for name, node in table.entries.items():
        if "derive" not in node.entries:
            entry = _build_model(name, node, evaluation, problems)
            if entry is not None:
                models[name] = entry
    for name, node in table.entries.items():
        if "derive" in node.entries:
            entry = _derive(name, table, models, problems)
            if entry is not None:
                models[name] = entry
    return {name: models[name] for name in table.entries if name in models}


def _build_model(name: str, node: Located, evaluation: Evaluation, problems: Problems) -> ModelEntry | None:
    if not node.is_mapping:
        return None
    path = ("models", name)
    shared = {key: child for key, child in node.entries.items() if key in COMMON}
    fields = validate(ModelFields, mapping(shared, node.first_mark), path, problems)
    part = validate(ModelPart, node.without(*COMMON), path, problems, SHARED)
    if fields is None or part is None:
        return None
    if fields.front and part.predecessor is not None:
        message = f"a model behind a front starts from no other one, and {name!r} starts from {part.predecessor!r}"
        problems.value(node.entries["front"], (*path, "front"), message, "give the transforms to its dataset")
        return None
    seeds = fields.seeds or evaluation.seeds or type(part).default_seeds
    reference = None
    if fields.reference_accuracy is not None:
        reference = Reference(fields.reference_accuracy, fields.reference_source)
    return ModelEntry(
        name,
        fields.dataset,
        fronted(part, fields.front),
        fields.defences,
        fields.inference,
        seeds,
        reference=reference,
        stream=fields.stream,
    )


def _derive(name: str, table: Located, models: Mapping[str, ModelEntry], problems: Problems) -> ModelEntry | None:
    node = table.entries[name]
    path = ("models", name)
    for key, child in node.without("derive").entries.items():
        hint = "a derived model shares everything but 'inference', inside 'derive'"
        problems.key(child, (*path, key), "a derived model cannot change this", hint)
    derive = node.entries["derive"]
    if not derive.is_mapping:
        problems.value(derive, (*path, "derive"), "expected a mapping with 'from'")
        return None
    derivation = validate(Derivation, derive, (*path, "derive"), problems)
    if derivation is None:
        return None
    place = derive.entries["from"]
    base = table.entries.get(derivation.base)
    if base is None:
        hint = suggest(derivation.base, table.entries, "models")
        problems.value(place, (*path, "derive", "from"), f"unknown model {derivation.base!r}", hint)
    elif "derive" in base.entries:
        message = f"{derivation.base!r} is itself derived"
        problems.value(place, (*path, "derive", "from"), message, "derive from the model that is trained")
    elif derivation.base in models:
        return _with_inference(name, models[derivation.base], base, derive)
    return None


def _with_inference(name: str, trained: ModelEntry, base: Located, derive: Located) -> ModelEntry:
    own, inherited = derive.entries.get("inference"), base.entries.get("inference")
    if own is None:
        inference = trained.inference
    else:
        merged = own if inherited is None else merge(inherited, own)
        inference = Inference.model_validate_json(
            json.dumps(merged.plain())
        )  # strict mode turns lists into tuples in JSON only
    return trained._replace(name=name, inference=inference, derived_from=trained.name)
