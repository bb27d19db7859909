"""A validated suite at one profile, every name resolved and every claim expanded: the result of reading a spec."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import Field, ValidationInfo, field_validator, model_validator

from qaml.data.chosen import Chosen
from qaml.quantum.channels import ChannelPart
from qaml.quantum.circuit import GateName
from qaml.spec.limits import MAX_DRAWS, MAX_SEEDS
from qaml.types import MOST_EXAMPLES, Settings
from qaml.vocab import DecisionRule, Order, ProfileName, Verdict

if TYPE_CHECKING:
    from qaml.attacks.base import AttackPart
    from qaml.claims.base import ClaimPart, ReportedTable
    from qaml.claims.detectors.base import DetectorPart
    from qaml.data.base import DatasetPart
    from qaml.defences.base import DefencePart
    from qaml.models.base import ModelPart


class Citation(Settings):
    """The paper that a suite's claims come from."""

    citation: str
    """Authors, year and title."""
    arxiv: str = ""
    """Number of the paper on arXiv, such as 2012.11619."""


SIMULATORS = frozenset({"default.qubit", "default.mixed", "lightning.qubit"})
"""Devices that a spec may use without the user's trust."""
CIRCUITS = 50
"""Number of circuits of a job, unless a model says otherwise."""
CALIBRATIONS = 2
"""Number of calibration circuits of a job: all wires prepared as 0, and all as 1."""
MOST_WIRES = 10_000
"""Largest number of a device's wire."""


def _is_none(value: object) -> bool:
    return value is None


class Inference(Settings):
    """The rule by which a randomised model decides (ignored by deterministic ones), and a quantum circuit's noise."""

    decision: DecisionRule = "mean"
    """Rule of the decision: one draw, a vote over draws, the average of probabilities over draws, their exact average,
    or a vote over draws that are measured once each (Huang & Zhang 2023, algorithm 2), whose chances follow from the
    exact average."""
    draws: int = Field(16, ge=1, le=MAX_DRAWS)
    """Number of draws in a vote or an average."""
    evidence_draws: int = Field(8, ge=1, le=MAX_DRAWS)
    """Number K of repetitions of the decision on each image, so that evidence is k of K."""
    noise_layers: bool | None = None
    """Whether noise layers draw, on weights trained either way (default: as in the model)."""
    noise: tuple[ChannelPart, ...] = ()
    """Channels on every wire after every layer of a quantum circuit, in this order; training did not include them."""
    channels: dict[GateName, tuple[ChannelPart, ...]] = Field(default_factory=dict, exclude_if=lambda every: not every)
    """Channels after every gate of a name, on its wires, of a model of kind ``circuit``; training did not include them.
    Attacks on the model see it with this noise, as with that of ``noise``; a transfer from the model without it is made
    on the noiseless circuit."""
    device: str | None = Field(None, min_length=1, exclude_if=_is_none)
    """Name of a PennyLane device on which a quantum circuit is measured, with ``shots``; attacks are made on the exact
    circuit. ``default.qubit``, ``default.mixed`` and ``lightning.qubit`` simulate; any other is used only if it is
    trusted."""
    shots: int | None = Field(None, ge=1, le=10_000_000, exclude_if=_is_none)
    """Number of shots of each image on the device."""
    budget: int | None = Field(None, ge=1, le=10**15, exclude=True)  # it changes no result, so it is in no key
    """Largest number of shots of one evaluation (one training run, clean or under one attack at all its budgets),
    charged before a job is submitted; a job that does not fit is an error (default: no limit). A budget of the whole
    suite is that of ``devices``."""
    circuits: int = Field(CIRCUITS, ge=1, le=10_000, exclude_if=lambda n: n == CIRCUITS)
    """Largest number of circuits of a job; one of interleaved images ends with a whole image, if one fits."""
    wires: tuple[Annotated[int, Field(ge=0, le=MOST_WIRES)], ...] = Field((), exclude_if=lambda wires: not wires)
    """The device's wire for each wire of the circuit, in order (default: the first ones); kept with the counts."""
    interleaved: bool = Field(False, exclude_if=lambda yes: not yes)
    """Whether each attacked image is measured beside its clean one, in one job, so that a drift of the device moves
    both; claims about an attack then take clean answers from there. It costs a circuit more for each attacked image."""
    mitigation: Literal["readout"] | None = Field(None, exclude_if=_is_none)
    """``readout``: two calibration circuits in each job measure the readout errors of each wire, and counts are freed
    of them (Bravyi et al. 2021, tensor product). They are paid like any other circuit."""

    @model_validator(mode="after")
    def _shots_on_a_device(self) -> Inference:
        own = self.model_fields_set & {"shots", "budget", "circuits", "wires", "interleaved", "mitigation"}
        if self.device is None and own:
            raise ValueError(f"{', '.join(sorted(own))}: only with a 'device', and none is named")
        if self.n_inputs() < 1:
            raise ValueError(
                f"'circuits' holds {self.circuits} circuits, and 'mitigation' takes {CALIBRATIONS} of them"
            )
        if len(set(self.wires)) < len(self.wires):
            raise ValueError("'wires' names a wire of the device twice")
        if self.device is not None and self.shots is None:
            raise ValueError("a device needs 'shots', the number for each image")
        if self.device is not None and (self.noise or self.channels):
            which = "the channels of 'noise'" if self.noise else "'channels'"
            raise ValueError(f"a device is given gates alone, without {which}")
        return self

    @property
    def n_calibrations(self) -> int:
        """Number of calibration circuits of each job."""
        return 0 if self.mitigation is None else CALIBRATIONS

    def n_inputs(self, period: int = 1) -> int:
        """Number of inputs of a job on the device.

        Args:
            period: number of inputs that belong together; they are kept in one job if one holds them.
        """
        most = self.circuits - self.n_calibrations
        return most // period * period or most


class Price(Settings):
    """What a device's owner charges; numbers in one currency."""

    shot: float = Field(0.0, ge=0)
    """Price of a shot."""
    circuit: float = Field(0.0, ge=0)
    """Price of a circuit, beside its shots."""
    job: float = Field(0.0, ge=0)
    """Price of a job, beside its circuits."""


class Account(Settings):
    """What a suite may spend on one device, over all its steps and all runs that share a store."""

    budget: int | None = Field(None, ge=1, le=10**15)
    """Largest number of shots that are charged (default: no limit)."""
    most: float | None = Field(None, gt=0)
    """Largest cost that is charged, at ``price`` (default: no limit)."""
    price: Price = Price()
    """Prices, by which cost is shown and bounded."""
    currency: str = Field("", max_length=20)
    """Unit of the prices, for people."""

    @model_validator(mode="after")
    def _priced(self) -> Account:
        if self.most is not None and self.price == Price():
            raise ValueError("'most' bounds a cost, and 'price' gives none")
        return self


class Paid(Settings):
    """The account that a step charges. It changes no result, so it is in no key."""

    suite: str = Field(exclude=True)
    """Name of the suite that pays."""
    account: Account = Field(exclude=True)
    """The suite's account of the device."""


MOST_CHOSEN = 100_000
"""Most examples that a suite may choose by their numbers."""


class Evaluation(Settings):
    """The amount of measurement, which a profile usually changes."""

    seeds: int | None = Field(None, ge=1, le=MAX_SEEDS)
    """Number of training runs of every model (default: the model's own, 3 or 5)."""
    images: int | None = Field(None, ge=1, le=MOST_EXAMPLES)
    """Number of test images that are attacked and scored (default: all); a smaller choice is part of a larger one."""
    order: Order = "shuffled"
    """Order of the test images: ``shuffled`` at random with the class shares kept, the same ones for every model and on
    every machine, or as in the ``file``, for a paper that used the first ones of a published test set."""
    split: Literal["train", "test"] = "test"
    """Split whose examples are attacked and scored; of claims about the training data: ``train``."""
    permute: int | None = Field(None, ge=0, lt=2**32)
    """Seed of a permutation of the split, as in the file, whose first examples are used."""
    first: int | None = Field(None, ge=1, le=MOST_EXAMPLES)
    """Number of examples from the beginning of the file, or of its permutation; in place of ``images``."""
    indices: tuple[Annotated[int, Field(ge=0, le=MOST_EXAMPLES)], ...] | None = Field(
        None, min_length=1, max_length=MOST_CHOSEN
    )
    """Positions in the original split of the examples that are used, in place of a number of them."""

    @field_validator("permute", "first", "indices")
    @classmethod
    def _chosen_once(cls, value: object, info: ValidationInfo) -> object:
        """Refuse two ways of choosing examples.

        Raises:
            ValueError: another field chooses them already.
        """
        if value is None:
            return value
        rivals = _RIVALS[info.field_name or ""]
        rival = next((name for name in rivals if info.data.get(name) is not None), None)
        if rival is not None:
            raise ValueError(f"{info.field_name!r} and {rival!r} both say which examples are used: leave one out")
        if info.field_name == "permute" and info.data.get("order") == "file":
            raise ValueError("expected 'permute' or 'order: file', got both")
        if info.field_name == "indices" and isinstance(value, tuple) and len(set(value)) < len(value):
            raise ValueError("every example can be chosen only once")
        return value

    @property
    def n_images(self) -> int | None:
        """Number of examples that are attacked and scored; ``None`` for all."""
        if self.indices is not None:
            return len(self.indices)
        return self.images if self.first is None else self.first

    @property
    def examples(self) -> Order | Chosen:
        """The order of test examples, or which ones are used where the suite chooses them."""
        order: Order = "file" if self.first is not None else self.order
        if self.split == "test" and self.permute is None and self.indices is None:
            return order
        return Chosen(split=self.split, order=order, permute=self.permute, indices=self.indices)


_RIVALS = {"permute": (), "first": ("images",), "indices": ("images", "first", "permute")}


class Diagnostics(Settings):
    """The validity battery that runs beside every claim."""

    enabled: bool = True
    """Whether the battery runs at all; without it findings are 'not assessed'."""
    images: int = Field(500, ge=1, le=MOST_EXAMPLES)
    """Number of test images that the battery uses, spread over all training runs."""


class Expectation(Settings):
    """The verdict that a claim is expected to reach at one profile."""

    verdict: Verdict = "supported"
    """Verdict that is expected, one of the four."""
    findings: tuple[str, ...] = ()
    """Names of validity findings that are expected to be raised."""
    because: str = ""
    """Reason for the expectation, for every verdict but 'supported'."""


class Reference(NamedTuple):
    """The accuracy that a model of its kind reaches on its data when it is trained well.

    Attributes:
        accuracy: clean accuracy, 0 … 1.
        source: source of the number; may be empty.
    """

    accuracy: float
    source: str = ""


class ModelEntry(NamedTuple):
    """A model of a suite.

    Attributes:
        name: name of the model in the suite.
        dataset: the name of its dataset.
        part: its architecture and training.
        defences: defences of the model, applied in this order.
        inference: rule by which a randomised model decides.
        seeds: number of training runs.
        derived_from: the model whose trained weights it shares.
        reference: accuracy with which it is compared where attacks are made on it.
        stream: number of the random stream of its training.
    """

    name: str
    dataset: str
    part: ModelPart
    defences: tuple[DefencePart, ...]
    inference: Inference
    seeds: int
    derived_from: str | None = None
    reference: Reference | None = None
    stream: int = 0


class ClaimEntry(NamedTuple):
    """An expanded claim.

    Attributes:
        id: name of the claim, unique in the suite, ``for`` filled in.
        case: the values of ``for``.
        statement: the sentence, ``for`` filled in.
        part: kind, cells and rule.
        expected: verdict expected at this profile.
        paper_says: the verdict that the paper's own numbers give.
        line: line of the claim in the file, from 1.
        yaml: the claim's own lines.
    """

    id: str
    case: dict[str, str]
    statement: str
    part: ClaimPart
    expected: Expectation
    paper_says: Verdict | None
    line: int
    yaml: str


class Suite(NamedTuple):
    """A spec file at one profile.

    Attributes:
        name: name of the suite, unique among specs; the first half of test ids.
        path: path of the file.
        summary: two sentences for the report, with ``{claim-id}`` filled in by numbers.
        attacks: attacks by name; names with a model (``pgd@convnet``) are transfers.
        assumed: choices that the paper leaves open, by dotted path or free key.
        devices: what may be spent, by the name of a device.
    """

    name: str
    title: str
    source: Citation
    summary: str
    path: Path
    profile: ProfileName
    evaluation: Evaluation
    diagnostics: Diagnostics
    datasets: Mapping[str, DatasetPart]
    models: Mapping[str, ModelEntry]
    attacks: Mapping[str, AttackPart]
    detectors: Mapping[str, DetectorPart]
    reported: Mapping[str, ReportedTable]
    assumed: Mapping[str, str]
    claims: tuple[ClaimEntry, ...]
    devices: Mapping[str, Account] = MappingProxyType({})

    def account(self, device: str) -> Account:
        """What the suite may spend on a device, without limits where it says nothing."""
        return self.devices.get(device, Account())

    def attacked_data(self, dataset: str) -> DatasetPart:
        """The dataset whose examples are attacked and scored: what determines its test data, or all of it for training.

        Args:
            dataset: name of a dataset.
        """
        part = self.datasets[dataset]
        return part if self.evaluation.split == "train" else part.tested
