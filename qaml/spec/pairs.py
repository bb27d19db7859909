"""Whether an attack can be run on a model, and its adversarials be used there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from qaml.attacks.base import AttackPart
from qaml.metrics.base import MetricPart, Need
from qaml.models.front.part import Fronted
from qaml.registry import references
from qaml.spec.copies import copied
from qaml.spec.suite import ModelEntry, Suite
from qaml.types import InputInfo
from qaml.vocab import GradientRule

_RULE_NEEDS: Mapping[GradientRule, str] = {
    "exact": "which needs noise layers whose draws average exactly",
    "parameter_shift": "which needs inputs that are angles of gates (a qnn with 'encoding: angle', a circuit without "
    "amplitudes and channels)",
    "finite_difference": "which needs a circuit with one measured wire, a qvc, or a circuit without channels",
}

_OTHER_FEATURES = (
    "whose inputs are other features: their datasets' transforms are fitted on other training data, or are not the same"
)


class Obstacle(NamedTuple):
    """A reason why an attack cannot be run on a model."""

    message: str
    hint: str = ""


class Pairs:
    """Checks of pairs of a suite's models and attacks.

    Args:
        suite: the suite, with its parts.
        attacks: name → the attack that is computed (for a transfer, the attack behind it).
        infos: dataset → the description of its inputs.
    """

    def __init__(self, suite: Suite, attacks: Mapping[str, AttackPart], infos: Mapping[str, InputInfo]) -> None:
        self._suite = suite
        self._infos = infos
        self.attacks = attacks

    def obstacles(self, model: str, attack: str) -> Iterator[Obstacle]:
        """Every reason why this attack cannot be run on this model; none where either is unknown."""
        if model not in self._suite.models or attack not in self.attacks:
            return
        named, computing = self._suite.attacks[attack], self.attacks[attack]
        surrogates = [name for _, table, name in references(named) if table == "models"]
        for holder in surrogates or [model]:
            yield from self._computes(holder, computing, attack)
        for surrogate in surrogates:
            yield from self._fits(surrogate, model, attack)
            if (found := copied(self._suite, surrogate, model)) is not None:
                yield Obstacle(f"attack {attack!r} is no transfer: {found[0]}", found[1])

    def is_made_elsewhere(self, attack: str) -> bool:
        """Whether this attack's adversarials are made on other models than the one they are scored on."""
        return any(table == "models" for _, table, _ in references(self._suite.attacks[attack]))

    def unmeasurable(self, model: str, metric: MetricPart) -> Iterator[Obstacle]:
        """Every reason why this metric cannot be measured of this model; none where the model is unknown."""
        if model not in self._suite.models:
            return
        entry = self._suite.models[model]
        for need in metric.needs:
            if (found := _lacks(need, entry, self._infos.get(entry.dataset))) is not None:
                yield Obstacle(f"metric {metric.kind!r} {found.message}", found.hint)

    def _computes(self, model: str, attack: AttackPart, name: str) -> Iterator[Obstacle]:
        if model not in self._suite.models:
            return
        entry = self._suite.models[model]
        if attack.needs_gradients and not entry.part.has_gradients:
            yield Obstacle(
                f"attack {name!r} needs gradients, which model {model!r} of kind {entry.part.kind!r} has not",
                "use square or hop_skip_jump, which only ask it, or a transfer from a model with gradients",
            )
        yield from _lacks_rule(entry, attack.gradient_rule, name)
        if attack.asks_device and entry.inference.device is None:
            message = f"attack {name!r} asks a device, and model {model!r} is measured on none"
            yield Obstacle(message, "give the model 'inference: {device: …, shots: …}', or leave out 'ask'")
        if attack.needs_exact:
            yield from _lacks_exact_distances(entry, name)
        info = self._infos.get(entry.dataset)
        if info is not None and (found := narrow(attack, name, info)) is not None:
            yield found
        if attack.space is not None and info is not None and (attack.space == "state") != info.is_state:
            has = "states" if info.is_state else "features"
            hint = "leave out 'space'" if info.is_state else "give the dataset the transform 'amplitudes'"
            yield Obstacle(f"attack {name!r} perturbs in {attack.space!r} space, model {model!r} takes {has}", hint)
        if attack.needs_images and info is not None and not info.is_image:
            yield Obstacle(f"attack {name!r} needs images, model {model!r} takes inputs of shape {info.shape}")

    def differences(self, one: str, other: str, attack: str) -> Iterator[Obstacle]:
        """Why two models cannot be attacked at once; none where either is unknown."""
        models = self._suite.models
        if one not in models or other not in models:
            return
        if (found := copied(self._suite, other, one)) is not None:
            yield Obstacle(f"attack {attack!r} is made on one model twice: {found[0]}", found[1])
        first, second = (self._infos.get(models[name].dataset) for name in (one, other))
        if first is None or second is None:
            return
        if first == second:
            if self._is_fitted_otherwise(one, other):
                message = f"attack {attack!r} is made on {one!r} and {other!r} at once, {_OTHER_FEATURES}"
                yield Obstacle(message, "give its surrogates one dataset")
            return
        what = next(name for name in ("shape", "classes", "bounds") if getattr(first, name) != getattr(second, name))
        words = "inputs' shapes" if what == "shape" else what
        yield Obstacle(
            f"attack {attack!r} is made on {one!r} and {other!r} at once, whose {words} differ: "
            f"{_words(first, what)} and {_words(second, what)}",
            "give its surrogates one dataset",
        )

    def _is_fitted_otherwise(self, one: str, other: str) -> bool:
        """Whether equal numbers mean other things to two models, as transforms of their data are fitted otherwise."""
        datasets = [self._suite.datasets[self._suite.models[name].dataset] for name in (one, other)]
        is_fitted = any(transform.is_fitted for dataset in datasets for transform in dataset.transforms)
        return is_fitted and datasets[0].fitted != datasets[1].fitted

    def _fits(self, surrogate: str, model: str, attack: str) -> Iterator[Obstacle]:
        models = self._suite.models
        if surrogate not in models:
            return
        made, used = (self._infos.get(models[name].dataset) for name in (surrogate, model))
        if made is None or used is None:
            return
        if (made.shape, made.bounds) == (used.shape, used.bounds):
            if self._is_fitted_otherwise(surrogate, model):
                message = f"attack {attack!r} transfers from {surrogate!r} to {model!r}, {_OTHER_FEATURES}"
                yield Obstacle(message, "give the surrogate the target's dataset")
            return
        what = "shape" if made.shape != used.shape else "bounds"
        yield Obstacle(
            f"attack {attack!r} transfers from {surrogate!r} to {model!r}, whose inputs have another {what}: "
            f"{_words(made, what)} and {_words(used, what)}",
            "give the surrogate the target's dataset",
        )


def narrow(attack: AttackPart, name: str, info: InputInfo) -> Obstacle | None:
    """An attack's box that does not hold the inputs from which it starts."""
    box = attack.box_within(info.bounds)
    if box.contains(info.bounds):
        return None
    message = f"attack {name!r} keeps to the box {box.in_words()}, and inputs lie in {info.bounds.in_words()}"
    return Obstacle(message, "a box is at least as wide as the bounds: it says how far adversarials may leave them")


def _lacks(need: Need, entry: ModelEntry, info: InputInfo | None) -> Obstacle | None:
    """What a model does not offer, in words that come behind the metric's name; None where it does, or is unknown."""
    model, rules = f"model {entry.name!r}", entry.part.gradient_rules
    match need:
        case "circuit" | "measured_wire" | "noise_layers" | "exact_decision" if isinstance(entry.part, Fronted):
            return Obstacle(f"needs the circuit itself, {model} has {kinds_inside(entry)[0]!r} in front of it")
        case "images" if info is not None and not info.is_image:
            return Obstacle(f"needs images, {model} takes inputs of shape {info.shape}")
        case "circuit" if not entry.part.is_circuit:
            return Obstacle(f"needs a qvc, qnn or qcnn, {model} is of kind {entry.part.kind!r}")
        case "measured_wire" if not entry.part.has_one_value:
            return Obstacle(f"needs a circuit with one measured wire, {model} is none")
        case "noise_layers" if "exact" not in rules:
            return Obstacle(f"needs noise layers, {model} has none")
        case "exact_decision" if "exact" in rules and (entry.inference.decision != "exact" or entry.inference.noise):
            message = f"needs a decision by the exact average over noise layers, and {model} has another"
            return Obstacle(message, "give it 'inference: {decision: exact}', without channels")
        case "inspected_samples" if info is not None and not entry.part.is_inspected(info):
            hint = "an RBM that an annealer trains, that starts from another one, or of at most 20 units"
            return Obstacle(f"needs a machine whose samples are inspected, {model} is none", hint)
        case "bare" if inside := kinds_inside(entry):
            return Obstacle(f"needs the circuit itself, {model} has {inside[0]!r} in front of it")
    return None


def _lacks_rule(entry: ModelEntry, rule: GradientRule, attack: str) -> Iterator[Obstacle]:
    """The reason why a model has no gradients by a rule."""
    takes, model = f"attack {attack!r} takes gradients by {rule!r}", f"model {entry.name!r}"
    is_noisy = bool(entry.inference.channels or entry.inference.noise)
    if rule == "single_draw":
        return
    if rule not in entry.part.gradient_rules:
        yield Obstacle(f"{takes}, {_RULE_NEEDS[rule]}; {model} has not")
    elif inside := kinds_inside(entry):
        hint = "leave the defence out, or let it defend the data only"
        yield Obstacle(f"{takes}, of the circuit itself; {model} has {inside[0]!r} in front of it", hint)
    elif entry.part.has_counts and is_noisy:
        yield Obstacle(
            f"{takes}, of gates alone; {model} has channels", "make it on the model without them, and transfer"
        )


def _lacks_exact_distances(entry: ModelEntry, attack: str) -> Iterator[Obstacle]:
    needs = f"attack {attack!r} needs exact distances, which model {entry.name!r}"
    if isinstance(entry.part, Fronted):
        yield Obstacle(f"{needs} has not behind {entry.part.front[0].kind!r}", "give the transforms to its dataset")
    elif not entry.part.has_exact_distances:
        hint = (
            "'linear', 'quadratic' with 'norm_bounded: true', 'qvc', a 'circuit' whose inputs are amplitudes alone, "
            "and a 'kernel_svm' with a linear kernel or that of amplitudes alone have them; "
            "a 'torch_module' may declare 'linear' or 'observables'"
        )
        yield Obstacle(f"{needs} of kind {entry.part.kind!r} has not", hint)
    elif inside := kinds_inside(entry):
        yield Obstacle(f"{needs} has not behind {inside[0]!r}", "leave the defence out, or let it defend the data only")


def kinds_inside(entry: ModelEntry) -> list[str]:
    """The kinds of defences, and of transforms of a front, between inputs and model."""
    front = entry.part.front if isinstance(entry.part, Fronted) else ()
    return [each.kind for each in (*(each for each in entry.defences if each.is_inside), *front)]


def _words(info: InputInfo, what: str) -> str:
    if what == "classes":
        return ", ".join(info.classes)
    return str(info.shape) if what == "shape" else info.bounds.in_words()
