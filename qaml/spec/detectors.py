"""Checks of a suite's detectors: the models must be able to classify the same adversarials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qaml.attacks.base import AttackPart
from qaml.attacks.elsewhere import MadeElsewhere, as_seen_by, made_on, makers
from qaml.claims.detectors.base import DetectorPart
from qaml.data.base import DatasetPart
from qaml.spec.copies import copied
from qaml.spec.nodes import Located, Path
from qaml.spec.pairs import Obstacle, Pairs
from qaml.spec.problems import Problems
from qaml.spec.suite import ModelEntry, Suite


def check_detectors(suite: Suite, document: Located, pairs: Pairs, problems: Problems) -> None:
    """Note every detector that cannot be evaluated as it is written."""
    for name, detector in suite.detectors.items():
        node = document.at(("detectors", name))
        path: Path = ("detectors", name)
        _check_attacked(detector, suite.attacks, node, path, problems)
        for where, obstacle in (*_unequal(detector, suite), *_impossible(detector, suite.attacks, pairs)):
            problems.value(node.at(where), (*path, *where), obstacle.message, obstacle.hint)


def _check_attacked(
    detector: DetectorPart, attacks: Mapping[str, AttackPart], node: Located, path: Path, problems: Problems
) -> None:
    plain = [name for name in detector.attacks if name in attacks and not isinstance(attacks[name], MadeElsewhere)]
    if plain and detector.attacked is None:
        hint = f"the model that {plain[0]!r} is made on, or write '{made_on(plain[0], detector.models[0])}'"
        problems.missing(node, (*path, "attacked"), hint=hint)


def _unequal(detector: DetectorPart, suite: Suite) -> Iterator[tuple[Path, Obstacle]]:
    """Note models that would not see the same images."""
    placed: list[tuple[Path, str]] = [(("models", i), name) for i, name in enumerate(detector.models)]
    if detector.attacked is not None:
        placed.append((("attacked",), detector.attacked))
    for i, name in enumerate(detector.attacks):
        placed += [(("attacks", i), maker) for maker in (makers(suite.attacks, name) if name in suite.attacks else ())]
    for i, name in enumerate(detector.models):
        for earlier in detector.models[:i]:
            if (found := copied(suite, name, earlier)) is not None:
                yield ("models", i), Obstacle(f"models that are one never disagree: {found[0]}", found[1])
    known = [(where, suite.models[name]) for where, name in placed if name in suite.models]
    for where, model in known:
        first = known[0][1]
        if _images(suite, model) != _images(suite, first):
            message = f"model {model.name!r} sees {model.dataset!r}, model {first.name!r} sees {first.dataset!r}"
            yield where, Obstacle(message, "a detector compares answers about the same images")
        for defence in model.defences:
            if defence.defends_data:
                message = f"model {model.name!r} has its images changed by {defence.kind!r} before the attack"
                yield where, Obstacle(message, "give the defence 'where: classifier'")


def _impossible(
    detector: DetectorPart, attacks: Mapping[str, AttackPart], pairs: Pairs
) -> Iterator[tuple[Path, Obstacle]]:
    for i, name in enumerate(detector.attacks):
        if name not in attacks or (detector.attacked is None and not isinstance(attacks[name], MadeElsewhere)):
            continue
        (made,) = detector.model_copy(update={"attacks": (name,)}).mixture(attacks)
        if made in attacks:
            for model in detector.models:
                yield from ((("attacks", i), each) for each in pairs.obstacles(model, as_seen_by(made, model)))


def _images(suite: Suite, model: ModelEntry) -> DatasetPart | None:
    """The test data of the model; models may have been trained on different shares of the dataset."""
    dataset = suite.datasets.get(model.dataset)
    return dataset.tested if dataset is not None else None
