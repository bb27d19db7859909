"""Per-image evidence: the arrays from which every metric, interval and finding is computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from qaml.types import BoolArray, DoubleArray, FloatArray, IntArray


class Clean(NamedTuple):
    """A model on the clean test images.

    Attributes:
        correct: (seeds, n) float32 in [0, 1], share of draws predicted correctly (0 or 1 for deterministic models).
        indices: (n,) the test images' original positions.
        draws: number K of draws of k-of-K evidence; 1 for deterministic models.
        shots: (seeds, n) how often a circuit must be measured until the sampled answer is the exact one with 99 %;
            None for models that are no circuits.
        within_noise: (seeds, n) bool, whether noise layers could change the label: |⟨Z⟩| ≤ 2Σp; None without any.
        unanswered: (seeds, n) bool, whether there was no answer (NaN) in any draw; it counts as wrong.
        asked: (seeds, 5) how often the same images were answered differently when they were asked again: images,
            classes and logits in the same batch, classes and logits in other batches (``run.repetition``).
        majority: (n,) bool, whether an image is of the most frequent class among these.
    """

    correct: FloatArray
    indices: IntArray
    draws: int = 1
    shots: DoubleArray | None = None
    within_noise: BoolArray | None = None
    unanswered: BoolArray | None = None
    asked: IntArray | None = None
    majority: BoolArray | None = None


class Attacked(NamedTuple):
    """A model on adversarials.

    Attributes:
        correct: (seeds, n_epsilons, n) float32, share of draws predicted correctly.
        epsilons: (n_epsilons,) increasing, one infinity for an unlimited attack.
        indices: (n,) original positions; may be fewer images than the clean evidence has.
        norms: (seeds, n) smallest adversarial norm, infinite without success; None for budgeted attacks.
        draws: K of k-of-K evidence.
        claimed: (seeds, n_epsilons, n) the library's own success count.
        low_frequency: (seeds, n_epsilons, n) share of the perturbation's spectral energy at low spatial frequencies,
            NaN without a perturbation; None where inputs are no images.
        shots: (seeds, n_epsilons, n) as for clean images.
        within_noise: (seeds, n_epsilons, n) as for clean images.
        fidelity: (seeds, n_epsilons, n) of the perturbed state with the clean one; None without encoded states.
        unanswered: (seeds, n_epsilons, n) bool, as for clean images.
        outside: (seeds, n_epsilons, n) bool, whether the adversarial breaks its budget or the bounds.
        asked: (seeds, 5) as for clean images.
        maker_unanswered: (seeds, 2, n) bool, whether what the adversarials were made on gave no answer to the image
            that the attack started from, and to the adversarial of the largest budget.
        logit_gap: (seeds,) median gap between the two largest logits of the classifier that was attacked; None where
            no cross-entropy was climbed.
        logit_factor: (seeds,) factor on these logits.
        queries: (seeds, n_epsilons or 1, n) how often the attack asked, or circuits from which it took gradients; None
            for attacks that differentiate.
        spent: (seeds, n_epsilons or 1, n) shots of these circuits; None where there were none.
    """

    correct: FloatArray
    epsilons: tuple[float, ...]
    indices: IntArray
    norms: DoubleArray | None = None
    draws: int = 1
    claimed: BoolArray | None = None
    low_frequency: FloatArray | None = None
    shots: DoubleArray | None = None
    within_noise: BoolArray | None = None
    fidelity: DoubleArray | None = None
    unanswered: BoolArray | None = None
    outside: BoolArray | None = None
    asked: IntArray | None = None
    maker_unanswered: BoolArray | None = None
    logit_gap: DoubleArray | None = None
    logit_factor: DoubleArray | None = None
    queries: IntArray | None = None
    spent: IntArray | None = None


class Diagnosis(NamedTuple):
    """The diagnostics of one model and one threat (norm, epsilon), on images spread over training runs.

    Every ``(n,)`` array is over the same images. ``None`` where a check does not apply.

    Attributes:
        epsilon: the diagnosed budget.
        indices: (n,) original positions.
        clean_correct: (n,) bool.
        correct: member → (n,) share of draws predicted correctly on its adversarials at ``epsilon``, NaN for images
            that it did not see because others had fooled the model there. On every image: ``fgsm``, ``noise`` (the
            worst of 10 random draws), ``transfer`` (made on the battery's own surrogate), ``pgd`` (strong, on the
            margin); ``unbounded`` has the bounds as only limit. ``attacks.battery`` names the others.
        zero_gradient: (n,) bool, the loss gradient and the float64 margin gradient are both exactly zero.
        runs: (n,) the training run that each image was put to; None where all were put to the first.
        draws: K of k-of-K evidence.
        non_finite: number of images with non-finite logits or gradients.
        outside: number of adversarials outside the budget or the bounds.
        outputs_are_probabilities: rows sum to one and saturate.
        margin_below_precision: (n,) bool, logit margin under the arithmetic's error.
        planted_missed: (n,) bool, the planted adversarial exists and the attack missed it; None where not tested.
        is_constant: the model answers one class for every clean image, so there may be nothing to fool.
        below_exact: number of the battery's adversarials that fool from nearer than the exact L2 distance.
        unanswered: number of the battery's inputs to which the model gave no answer.
    """

    epsilon: float
    indices: IntArray
    clean_correct: BoolArray
    correct: Mapping[str, BoolArray | FloatArray]
    zero_gradient: BoolArray
    non_finite: int = 0
    outside: int = 0
    outputs_are_probabilities: bool = False
    margin_below_precision: BoolArray | None = None
    planted_missed: BoolArray | None = None
    is_constant: bool = False
    below_exact: int = 0
    runs: IntArray | None = None
    draws: int = 1
    unanswered: int = 0


class Distances(NamedTuple):
    """A minimising L2 attack without bounds beside the exact distances, on images of the first seed.

    Exact distances ignore the bounds, so only an attack without them can be expected to come near.

    Attributes:
        indices: (n,) original positions.
        found: (n,) smallest norms that the attack found without bounds, infinite without success.
        exact: (n,) exact L2 distances to the nearest other class: zero where the clean answer is wrong, infinite where
            there is no adversarial.
        lengths: (n,) ‖x‖₂ of the clean inputs, which rounding is measured by.
    """

    indices: IntArray
    found: DoubleArray
    exact: DoubleArray
    lengths: DoubleArray


class Nearer(NamedTuple):
    """The smallest perturbations that other attacks, or exact distances within the bounds, have of a model.

    Attributes:
        indices: (n,) original positions.
        runs: (n,) the training run that each image was tried on.
        norms: (n,) in the norm of the claim's attack, infinite where nothing was found.
    """

    indices: IntArray
    runs: IntArray
    norms: DoubleArray


class AttackTraits(NamedTuple):
    """The properties of an attack's configuration that findings depend on.

    Attributes:
        name: name of the attack in the suite.
        norm: ``linf`` or ``l2``.
        is_iterative: more than one gradient step.
        minimises: looks for the smallest perturbation.
        is_white_box: computes gradients on the model itself.
        surrogate: the model that adversarials are made on, for transfer.
        reach: epsilon → the largest perturbation (steps × step size).
        is_exact: the exact distance, or a bound that follows from it, rather than a search.
        is_search: looks for adversarials, as random noise does not.
        box: the attack's own box, with ``None`` for a side without a limit; ``None`` for the bounds of the dataset.
        asks: what a black-box attack asks the model for, ``scores`` or ``decisions``; ``None`` for attacks that see it,
            or that do not ask it.
    """

    name: str
    norm: str
    is_iterative: bool
    minimises: bool
    is_white_box: bool
    surrogate: str | None
    reach: dict[float, float]
    is_exact: bool = False
    is_search: bool = True
    box: tuple[float | None, float | None] | None = None
    asks: str | None = None

    @property
    def threat(self) -> tuple[str, tuple[float | None, float | None] | None]:
        """The set of permitted adversarials but for the budget: only attacks of one are compared."""
        return self.norm, self.box

    @property
    def is_on_model(self) -> bool:
        """Whether it attacks the model itself, by what it sees or by what it asks."""
        return self.is_white_box or self.asks is not None

    @property
    def takes_steps(self) -> bool:
        """Whether it takes more than one gradient step."""
        return self.is_iterative or self.minimises

    @property
    def is_strong(self) -> bool:
        """Whether it is a strong attack by its kind: several steps, on the model itself."""
        return self.takes_steps and self.is_white_box
