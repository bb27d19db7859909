"""Checks of a suite's combinations, for mistakes that would otherwise crash or mislead an hour into a run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from qaml.attacks.base import AttackPart
from qaml.attacks.elsewhere import SEPARATOR, MadeElsewhere
from qaml.attacks.joint.part import Joint
from qaml.data.base import DatasetPart
from qaml.errors import Misfit, PartError
from qaml.models.factories import TRUSTED_MODULES, trusted_modules
from qaml.models.front.part import Fronted, in_front
from qaml.registry import references
from qaml.spec.budgets import check_budgets
from qaml.spec.cells import check_cells
from qaml.spec.claims import BuiltClaim
from qaml.spec.detectors import check_detectors
from qaml.spec.names import check_names
from qaml.spec.nodes import Located, Path
from qaml.spec.pairs import Obstacle, Pairs, kinds_inside, narrow
from qaml.spec.problems import Problems, did_you_mean
from qaml.spec.suite import SIMULATORS, ModelEntry, Suite
from qaml.types import InputInfo

_SUMMARY_PLACEHOLDER = re.compile(r"\{([a-z0-9][a-z0-9-]*)\}")


_AT_ONCE = "use 'gaussian_augmentation', or 'adversarial_training' with 'regenerate: once'"
_NO_GRADIENTS = "train against an attack that needs answers only, or use 'gaussian_augmentation'"


def check_suite(suite: Suite, document: Located, claims: list[BuiltClaim], problems: Problems) -> None:
    """Note every name that is unknown and every combination that cannot work."""
    check_names(suite, document, claims, problems)
    infos = _check_datasets(suite, document, problems)
    attacks = _resolve_attacks(suite, document, problems)
    for name, model in suite.models.items():
        _check_noise(model, infos.get(model.dataset), document, problems)
        _check_draws(model, document, problems)
        _check_device(model, document, problems)
        _check_wires(model, infos.get(model.dataset), document, problems)
        if model.dataset in infos and model.derived_from is None:
            node = document.at(("models", name))
            _check_model(model, infos[model.dataset], node, problems)
            _check_defences(model, infos[model.dataset], node, attacks, problems)
    _check_accounts(suite, document, problems)
    _check_starts(suite, document, infos, problems)
    pairs = Pairs(suite, attacks, infos)
    _check_joint_attacks(suite, document, pairs, problems)
    check_detectors(suite, document, pairs, problems)
    check_cells(claims, suite.reported, pairs, problems)
    check_budgets(suite, document, attacks, infos, claims, problems)
    _check_summary(suite, document, problems)


def _check_datasets(suite: Suite, document: Located, problems: Problems) -> dict[str, InputInfo]:
    infos: dict[str, InputInfo] = {}
    for name, part in suite.datasets.items():
        info = _describe(part, document.at(("datasets", name)), ("datasets", name), problems)
        if info is not None:
            infos[name] = info
    return infos


def _describe(part: DatasetPart, node: Located, path: Path, problems: Problems) -> InputInfo | None:
    info = part.describe()
    for index, transform in enumerate(part.transforms):
        try:
            info = transform.describe(info)
        except PartError as error:
            where: Path = ("transforms", index)
            problems.value(node.at(where), (*path, *where), error.message, error.hint)
            return None
    return info


def _check_model(model: ModelEntry, info: InputInfo, node: Located, problems: Problems) -> None:
    path: Path = ("models", model.name)
    if isinstance(model.part, Fronted) and not _check_front(model.part, info, node, path, problems):
        return
    try:
        model.part.check(info)
        if model.part.needs_images and not info.is_image:
            raise PartError(f"model {model.part.kind!r} needs images, got inputs of shape {info.shape}")
        if info.is_state and not (model.part.takes_states or isinstance(model.part, Fronted)):
            raise PartError(f"model {model.part.kind!r} takes features, the dataset has quantum states")
    except Misfit as error:
        problems.value(node.at(error.where), (*path, *error.where), error.what, error.hint)
    except PartError as error:
        problems.value(node.at(("kind",)), (*path, "kind"), error.message, error.hint)


def _check_front(part: Fronted, info: InputInfo, node: Located, path: Path, problems: Problems) -> bool:
    """Note the first transform of a front that does not fit; return whether all do."""
    for index, transform in enumerate(part.front):
        try:
            info = in_front(transform).describe(info)
        except PartError as error:
            where: Path = ("front", index)
            problems.value(node.at(where), (*path, *where), error.message, error.hint)
            return False
    return True


def _inference_path(model: ModelEntry) -> Path:
    return ("models", model.name, *(("derive",) if model.derived_from is not None else ()), "inference")


def _check_starts(suite: Suite, document: Located, infos: Mapping[str, InputInfo], problems: Problems) -> None:
    """Training goes on from weights of the same shapes: the same kind and settings on the same inputs."""
    for name, model in suite.models.items():
        start = suite.models.get(model.part.predecessor or "")
        if start is None or model.derived_from is not None:
            continue
        path: Path = ("models", name, "start_from")
        if start.derived_from is not None:
            message = f"model {start.name!r} is derived and never trained"
            problems.value(document.at(path), path, message, f"start from {start.derived_from!r}")
        own, other = (_shapes(each, infos) for each in (model, start))
        different = [field for field in own if own[field] != other.get(field)]
        if different:
            message = f"model {start.name!r} has another {different[0]}, so its weights do not fit"
            problems.value(document.at(path), path, message, f"let {name!r} extend {start.name!r}")


def _shapes(model: ModelEntry, infos: Mapping[str, InputInfo]) -> dict[str, object]:
    """The settings that a model's shapes depend on, without those of its training."""
    trained = {"training", "negative_phase", "start_from", "init_scale"}
    fields = model.part.model_dump(exclude=trained)
    return {**fields, "input": infos.get(model.dataset)}


def _check_noise(model: ModelEntry, info: InputInfo | None, document: Located, problems: Problems) -> None:
    path, part = _inference_path(model), model.part
    if model.inference.noise and not part.is_circuit:
        message = f"model {part.kind!r} takes no noise channels at inference"
        hint = "give them to a qvc, qnn or qcnn; a circuit takes 'channels' by gate"
        problems.value(document.at((*path, "noise")), (*path, "noise"), message, hint)
    if model.inference.channels and not part.takes_channels:
        message = f"model {part.kind!r} takes no channels by gate at inference"
        hint = "give them to a circuit; a qvc, qnn or qcnn takes 'noise' after every layer"
        problems.value(document.at((*path, "channels")), (*path, "channels"), message, hint)
    elif model.inference.channels and info is not None:
        try:
            part.check_disturbed(info, model.inference.channels)
        except Misfit as error:
            if error.where and error.where[0] in model.inference.channels:  # others are mistakes of the model itself
                where: Path = (*path, "channels", *error.where)
                problems.value(document.at(where), where, error.what, error.hint)


def _check_device(model: ModelEntry, document: Located, problems: Problems) -> None:
    """Shots on a device, of circuits whose gates are known, on devices that are simulators or trusted."""
    device = model.inference.device
    if device is None:
        return
    path: Path = (*_inference_path(model), "device")
    if inside := kinds_inside(model):
        message = f"behind {inside[0]!r} no circuit is run on a device"
        problems.value(document.at(path), path, message, "defend the data only, without a front")
    elif not model.part.is_runnable:
        message = f"model {model.part.kind!r} {model.part.no_device}"
        problems.value(document.at(path), path, message, "'circuit', 'qvc', 'qnn' and 'qcnn' run on devices")
    elif model.part.is_randomised and model.inference.noise_layers is not False:
        message = "noise layers draw rotations, and a device is given gates alone"
        problems.value(document.at(path), path, message, "switch them off: 'inference: {noise_layers: false}'")
    elif model.part.has_channels:
        message = "the circuit has channels of its own, and a device is given gates alone"
        problems.value(document.at(path), path, message, "train a circuit without noise")
    elif device not in SIMULATORS and device not in trusted_modules():
        message = f"the spec asks to submit circuits to the device {device!r}, which is not trusted"
        hint = f"it may cost money: if you mean it, run with {TRUSTED_MODULES}={device}"
        problems.value(document.at(path), path, message, hint)


def _check_wires(model: ModelEntry, info: InputInfo | None, document: Located, problems: Problems) -> None:
    """A wire of the device for each wire of the circuit."""
    named = len(model.inference.wires)
    if not named or info is None or kinds_inside(model):
        return
    try:
        n_wires = model.part.n_wires(info)
    except Misfit:
        return  # a mistake of the model itself
    if n_wires is not None and named != n_wires:
        path: Path = (*_inference_path(model), "wires")
        message = f"{named} {'wire' if named == 1 else 'wires'} of the device for a circuit of {n_wires}"
        hint = "name one wire of the device for each wire of the circuit, in order"
        problems.value(document.at(path), path, message, hint)


def _check_accounts(suite: Suite, document: Located, problems: Problems) -> None:
    """Budgets of devices that models are measured on."""
    used = sorted({model.inference.device for model in suite.models.values() if model.inference.device is not None})
    for name in suite.devices:
        if name not in used:
            hint = did_you_mean(name, used) or "'inference: {device: …}' of a model names one"
            path: Path = ("devices", name)
            problems.key(document.at(path), path, f"no model is measured on the device {name!r}", hint)


def _check_draws(model: ModelEntry, document: Located, problems: Problems) -> None:
    """Decisions by the exact average, and noise layers switched, where there are noise layers."""
    path, averages = _inference_path(model), "exact" in model.part.gradient_rules
    if model.inference.decision in ("exact", "shots") and not averages:
        where: Path = (*path, "decision")
        message = f"the draws of model {model.part.kind!r} have no exact average"
        problems.value(document.at(where), where, message, "give a qnn noise layers, or decide by 'mean' or 'vote'")
    elif model.inference.decision in ("exact", "shots") and (inside := kinds_inside(model)):
        where = (*path, "decision")
        message = f"behind {inside[0]!r} the draws have no exact average"
        problems.value(document.at(where), where, message, "decide by 'mean' or 'vote', or defend the data only")
    if model.inference.noise_layers is not None and not averages:
        where = (*path, "noise_layers")
        problems.value(document.at(where), where, f"model {model.part.kind!r} has no noise layers", "")


def _check_defences(
    model: ModelEntry, info: InputInfo, node: Located, attacks: Mapping[str, AttackPart], problems: Problems
) -> None:
    for index, defence in enumerate(model.defences):
        path: Path = ("models", model.name, "defences", index)
        inside: Path = ("defences", index)
        try:
            defence.check(info)
        except PartError as error:
            problems.value(node.at(inside), path, error.message, error.hint)
        if defence.follows_training and model.part.trains_at_once:
            words = f"defence {defence.kind!r} attacks the model as it trains, and {model.part.kind!r} trains at once"
            problems.value(node.at(inside), path, words, _AT_ONCE)
        if defence.changes_training and model.part.is_trained:
            words = f"defence {defence.kind!r} changes training, and this {model.part.kind!r} is used as it is brought"
            problems.value(node.at(inside), path, words, "train it, from weights by 'fine_tune: true', or leave it out")
        part, in_training = model.part, defence.changes_training or defence.follows_training or defence.is_inside
        if in_training and isinstance(part, Fronted) and not part.trains_through:
            words = f"defence {defence.kind!r} changes inputs in training, {part.kind!r} trains on what its front makes"
            hint = "give the transforms to its dataset, and attack what they make"
            problems.value(node.at(inside), path, words, hint)
        for step, table, name in references(defence):
            if table == "attacks" and name in attacks:
                for found in _unfit_for_training(model, info, attacks[name], name):
                    problems.value(node.at((*inside, *step)), (*path, *step), found.message, found.hint)


def _unfit_for_training(model: ModelEntry, info: InputInfo, attack: AttackPart, name: str) -> Iterator[Obstacle]:
    """Why a defence cannot attack the model in training by this attack."""
    if _is_blind(model, attack):
        words = f"attack {name!r} needs gradients, which a model of kind {model.part.kind!r} has not"
        yield Obstacle(words, _NO_GRADIENTS)
    if attack.asks_device:
        message = f"attack {name!r} asks a device, and training attacks the exact circuit"
        yield Obstacle(message, "leave out its 'ask' for training")
    if attack.epsilon is None:
        yield Obstacle(f"attack {name!r} has no budget", f"give attacks.{name} an 'epsilon'")
    if (found := narrow(attack, name, info)) is not None:
        yield found


def _is_blind(model: ModelEntry, attack: AttackPart) -> bool:
    """Whether an attack needs gradients that the model does not have."""
    return attack.needs_gradients and not model.part.has_gradients


def _resolve_attacks(suite: Suite, document: Located, problems: Problems) -> dict[str, AttackPart]:
    """Every attack that is computed; for a transfer, the attack behind it."""
    resolved: dict[str, AttackPart] = {}
    for name, attack in suite.attacks.items():
        if not isinstance(attack, MadeElsewhere):
            resolved[name] = attack
        elif attack.attack in suite.attacks and SEPARATOR not in attack.attack:
            try:
                resolved[name] = attack.resolved(suite.attacks[attack.attack])
            except PartError as error:
                path: Path = ("attacks", name, "attack")
                problems.value(document.at(path), path, error.message, error.hint)
    return resolved


def _check_joint_attacks(suite: Suite, document: Located, pairs: Pairs, problems: Problems) -> None:
    """Check that the models of a joint attack have the same inputs and the same classes."""
    for name, attack in suite.attacks.items():
        if isinstance(attack, Joint):
            if (inner := pairs.attacks.get(name)) is not None and inner.asks_device:
                problems.value(
                    document.at(("attacks", name, "attack")),
                    ("attacks", name, "attack"),
                    f"attack {attack.attack!r} asks a device, and a joint attack asks exact circuits",
                    "leave out its 'ask'",
                )
            for index, surrogate in enumerate(attack.surrogates[1:], start=1):
                path: Path = ("attacks", name, "surrogates", index)
                for obstacle in pairs.differences(attack.surrogates[0], surrogate, name):
                    problems.value(document.at(path), path, obstacle.message, obstacle.hint)


def _check_summary(suite: Suite, document: Located, problems: Problems) -> None:
    known = [claim.id for claim in suite.claims]
    for name in _SUMMARY_PLACEHOLDER.findall(suite.summary):
        if name not in known and suite.claims:
            hint = did_you_mean(name, known) or "a placeholder names a claim's id, 'for' filled in"
            problems.value(document.at(("summary",)), ("summary",), f"unknown claim {{{name}}}", hint)
