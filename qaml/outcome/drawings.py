"""The drawings of a claim's page: curves, pictures, points, circuits, samplers."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from qaml.outcome.record import Number, Record, Series


class Curve(Record):
    """Accuracy over epsilon of one model under one attack (or the worst case over several)."""

    model: str
    attack: str
    metric: str
    epsilons: tuple[Number, ...]
    values: tuple[Number, ...]
    lows: tuple[Number, ...]
    highs: tuple[Number, ...]
    is_worst_case: bool = False


class TrainingCurve(Record):
    """A training curve of one model: a line a seed, or a line a layer."""

    model: str
    name: str
    seeds: tuple[Series, ...]
    """Lines of the curve, with a value for each of ``epochs``."""
    epochs: Series = ()
    """Epochs of the values, counted from 1; omitted where every epoch has a value."""
    has_layers: bool = False
    """Whether each line is a layer of the model, the mean of magnitudes over seeds."""


class Picture(Record):
    """One image of a strip: files are relative to ``outcomes.json``."""

    clean: str
    adversarial: str
    perturbation: str
    true_label: str
    clean_label: str
    clean_confidence: Number
    adversarial_label: str
    adversarial_confidence: Number
    norm: Number
    low_frequency: Number | None = None
    """Share of the perturbation's spectral energy at low spatial frequencies."""


class ClassProbabilities(Record):
    """The softmax probabilities of a strip's first image along the budgets (West et al. 2022, Figure 1e, f)."""

    image: int
    """Position of the image in the test split: equal for the same image on several models."""
    epsilons: tuple[Number, ...]
    """Budgets, increasing, the clean image (0) first."""
    classes: tuple[str, ...]
    values: tuple[tuple[Number, ...], ...]
    """Probabilities, one row for each budget, one column for each class."""


class Strip(Record):
    """Clean, adversarial and perturbation of some test images, for one model and attack."""

    model: str
    attack: str
    epsilon: Number
    caption: str
    pictures: tuple[Picture, ...]
    surrogate: str | None = None
    """Model on which the perturbations were made, where it is another one."""
    probabilities: ClassProbabilities | None = None
    """Class probabilities of the first picture, where the attack has a grid of at least three budgets."""


class Scatter(Record):
    """Test examples as points in a plane, clean and attacked."""

    title: str
    x_name: str
    y_name: str
    clean: tuple[Series, Series]
    """Both coordinates of each example."""
    attacked: tuple[Series, Series] | None = None
    """Both coordinates of each example's adversarial."""
    x_range: tuple[Number, Number] | None = None
    """Range of the axis (default: the range of the points)."""
    y_range: tuple[Number, Number] | None = None
    regions: tuple[Annotated[str, Field(pattern="^[0-9-]+$")], ...] = ()
    """Answers of the model on a grid over both ranges, a text a row from the top: the first digit after the point of
    the second class's probability, cell by cell, or - where there is none."""
    has_circle: bool = False
    """Whether points lie in the unit disc."""


class Portrait(Record):
    """A model's representation of the first test examples and of an attack on them, trained with the first seed."""

    model: str
    attack: str
    epsilon: Number
    surrogate: str | None = None
    classes: tuple[str, ...]
    labels: Series
    """The class of each example."""
    clean_correct: Series
    """Mark of each example: 1 where the clean example is classified correctly."""
    attacked_correct: Series
    scatters: tuple[Scatter, ...] = ()


_FEATURES = "(…|x[0-9]{1,8}(–[0-9]{1,8}|(·x[0-9]{1,8}){0,9}))"


class CircuitReadout(Record):
    """What is measured at a circuit's end, and how it becomes logits."""

    groups: tuple[tuple[int, ...], ...]
    """Wires of every product of Z, or of the probabilities, the first the most significant bit."""
    n_outcomes: int = 0
    """Number of outcomes 0, 1, … whose probabilities are measured; 0 for products of Z."""
    is_renormalised: bool = False
    """Whether these probabilities are divided by their sum."""
    is_log: bool = False
    """Whether logits are logarithms."""
    has_head: bool = False
    """Whether a trained linear layer makes logits of the values."""


class CircuitDrawing(Record):
    """A model's quantum circuit."""

    model: str
    n_wires: int
    encoding: str
    gates: tuple[Annotated[str, Field(pattern=r"^~?\w+( [0-9]{1,3})+$")], ...]
    """Gates in order: ``cnot 0 1`` is a gate and its wires; ``~`` in front says that its angle is drawn."""
    n_gates: int
    """Number of all gates; ``gates`` holds the first ones."""
    measured: tuple[int, ...]
    """All wires that are measured."""
    readout: CircuitReadout | None = None
    """What is measured of them; Z of each, where files of former versions do not say it."""
    amplitudes: tuple[int, ...] | None = None
    """Wires that hold an input's amplitudes from the beginning; all or none, where files do not say it."""
    features: tuple[Annotated[str, Field(pattern=f"^({_FEATURES}( {_FEATURES}){{0,9}})?$")], ...] = ()
    """Features in the angles of each gate, omitted where no gate has any: ``x0``, ``x0·x1`` for a product, ``x0–7`` for
    one after another, ``…`` for the rest."""

    patch: tuple[int, int, int] | None = None
    """Channels, height and width of the part of an image that is the circuit's input, if it is one."""
    n_filters: int = 1
    """Number of circuits of this kind, of which the first one is drawn."""

    @model_validator(mode="after")
    def _gates_stand_on_wires(self) -> Self:
        for gate in self.gates:
            if max(int(wire) for wire in gate.split()[1:]) >= self.n_wires:
                raise ValueError(f"expected gates on {self.n_wires} wires, got {gate!r}")
        if self.features and len(self.features) != len(self.gates):
            raise ValueError(f"expected features of {len(self.gates)} gates, got {len(self.features)}")
        groups = self.readout.groups if self.readout else ()
        wires = (*self.measured, *(self.amplitudes or ()), *(wire for group in groups for wire in group))
        beyond = next((wire for wire in wires if not 0 <= wire < self.n_wires), None)
        if beyond is not None or not all(groups):
            raise ValueError(f"expected wires among {self.n_wires}, got {'none' if beyond is None else beyond}")
        return self


class EmbeddingDrawing(Record):
    """The layout of a model's units on an annealer's qubits."""

    model: str
    graph: str
    n_visible: int
    n_hidden: int
    qubits: int
    shortest: int
    """Number of qubits of the shortest chain."""
    longest: int
    n_broken: int
    """Number of qubits of the annealer that are missing."""
    file: str
    """Path of the picture, relative to ``outcomes.json``."""


class Sampling(Record):
    """A sampler's moments of the trained machines compared with their own distributions; one value for each seed."""

    model: str
    sampler: str
    is_exact: bool
    """Whether the machine was enumerated; else it was sampled by parallel tempering."""
    draws: Number
    """Number of samples of an estimate."""
    first: Series
    """Deviation of the first moments, in units of the deviation of as many independent samples."""
    second: Series
    reference_error: Series
    """Error of the reference, in the same units."""
    effective_beta: Series
    broken_chains: Series
    angle: Series
    """Angle between estimated and true gradient, in degrees."""
    ideal_angle: Series
    """The same with as many independent samples."""
    divergence: Series
    """Kullback–Leibler divergence of machines that were enumerated, in nats."""
    true_moments: Series
    """Second moments of the first seed, some of them."""
    moments: Series
    energy_edges: Series
    """Edges of a histogram of free energies, of the first seed."""
    energies: Series
    true_energies: Series


class Roc(Record):
    """The rates of a detector over its thresholds, as points of its receiver operating characteristic."""

    detector: str
    thresholds: tuple[Number, ...]
    true_positives: tuple[Number, ...]
    """Share of attacked images that are flagged at each threshold."""
    false_positives: tuple[Number, ...]
    """Share of clean images that are flagged at each threshold."""
