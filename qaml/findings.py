"""Every validity finding: its name, what it does to a verdict, when it is raised, what it means, and what to do.

Specs, reports and pages read it without a numerical library; the code that raises a finding is in the module of its
family in ``qaml.judge.findings``, and a finding cannot be raised that is in one of the two places only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from qaml.metrics.base import MetricPart
from qaml.vocab import Severity


class Meaning(NamedTuple):
    """The meaning of a finding, independent of the code that raises it.

    Attributes:
        severity: void (the measurement says nothing), weak (an upper bound of robustness), note.
        raised_if: the rule, in words.
        means: what it implies for a claim.
        remedy: what to do about it.
        is_of_degree: the attack is weaker than another one, but works.
        limits: whether it limits or voids cells of a metric; None for all that it can.
    """

    severity: Severity
    raised_if: str
    means: str
    remedy: str
    is_of_degree: bool = False
    limits: Callable[[MetricPart], bool] | None = None

    def is_about(self, metric: MetricPart | None) -> bool:
        """Whether it limits or voids cells of this metric; None is evidence that no metric divides."""
        return self.limits is None or (metric is not None and self.limits(metric))


_UPPER_BOUND = "the measured robustness is an upper bound of the true one"

FINDINGS: Mapping[str, Meaning] = {
    "non_finite": Meaning(
        "void",
        "any logits or gradients are not finite",
        "logits or gradients that are not finite count as anything and lead attacks nowhere",
        "find the overflow: smaller learning rate, clamped logarithms, float64",
    ),
    "no_answer": Meaning(
        "void",
        "any image, clean or attacked, without an answer: NaN, no largest logit, or an input that is not finite",
        "NaN is no class, so images without an answer are neither right nor wrong",
        "find the overflow or the image: smaller learning rate, clamped logarithms, float64, clean data",
    ),
    "test_in_training": Meaning(
        "void",
        "> 1 % of the dataset's test examples are among its training examples (any: note)",
        "what a model remembers says nothing about examples that it has not seen",
        "leave these examples out of one of the splits",
    ),
    "training_diverged": Meaning(
        "note",
        "the last epoch's loss is NaN, in any run",
        "training left the numbers, so the weights that it ends with are no result of it",
        "smaller learning rate, gradient clipping, float64",
    ),
    "answers_differ": Meaning(
        "void",
        "the same images asked again, or in other batches: another class for > 1 % of them, or other logits (by > "
        "1 % of the median gap) for > 5 % (fewer: note)",
        "the model draws, counts or looks at its neighbours without saying so: another run gives other numbers, and "
        "an attack climbs another function than the one judged",
        "switch it off (eval(), dropout, noise, shots), normalise with running statistics, or declare the randomness: "
        "a randomised part or defence, whose draws are averaged",
    ),
    "at_chance": Meaning(
        "note",
        "clean accuracy is not surely (paired 95 % interval) above the most frequent class's share of the same images; "
        "void for metrics that divide by clean accuracy",
        "the model is not known to have learned anything, so what is left of its accuracy says nothing",
        "check the inputs' scale and the training; judge robust_accuracy",
        limits=lambda metric: metric.is_of_clean_correct,
    ),
    "outside_budget": Meaning(
        "void",
        "any adversarial (of the claim's attacks or the diagnostics) outside ε(1 + 1e-5) + 1e-6 or the bounds, not "
        "finite, or at another distance than its attack claims",
        "adversarials break the threat model, so what they fool says nothing about it",
        "project on the budget and the bounds after the last step",
    ),
    "zero_gradients": Meaning(
        "weak",
        "exactly zero on > 10 % of the clean-correct (> 1 %: note)",
        f"the attack has no direction to follow on these images, so {_UPPER_BOUND}",
        "attack logits instead of probabilities, pass gradients straight through (BPDA), or transfer from a surrogate",
    ),
    "probabilities_as_logits": Meaning(
        "weak",
        "outputs sum to one and saturate",
        f"a softmax on top of a saturated softmax has hardly any gradient, so {_UPPER_BOUND}",
        "return logits (log-probabilities) from the model",
    ),
    "iterative_weaker_than_one_step": Meaning(
        "weak",
        "one step fools more than the iterative attack (for a one-step attack: than the strongest iterative one)",
        f"more steps should never fool less: the gradient is masked or the steps are badly sized, so {_UPPER_BOUND}",
        "more restarts, a step size of about 2.5 ε / steps, or another iterative attack beside it",
    ),
    "transfer_beats_white_box": Meaning(
        "weak",
        "a transferred or black-box attack fools more than it",
        f"an attacker who knows less does better: the gradient is masked, so {_UPPER_BOUND}",
        "add an attack that finds these adversarials, too (adaptive, ensemble, black-box), beside the transferred one",
    ),
    "another_attack_fools_more": Meaning(
        "note",
        "another attack of the same norm and budget fools more, exact paired p < 0.001 / K with K rivals, ≥ 2 points; "
        "weak where more than 10 % of the battery's images are right under the attack and wrong with the battery",
        "the attack misses adversarials that are known to exist: the verdict must also hold with those counted",
        "attack with both, attack: [pgd, …]: margin loss, more steps and restarts, AutoAttack",
        is_of_degree=True,
        limits=lambda _: False,  # counted over all of the cell's attacks together (judge.gap)
    ),
    "no_search": Meaning(
        "weak",
        "none of a cell's attacks searches: noise draws and keeps the worst",
        f"noise is no adversary, so {_UPPER_BOUND}",
        "attack with something that searches beside it, such as pgd",
    ),
    "noise_as_strong": Meaning(
        "weak",
        "ten draws of noise fool as many, and ≥ 2 %",
        f"random noise fools as many as the attack, so {_UPPER_BOUND}",
        "use a stronger attack: more steps, restarts, another loss",
    ),
    "success_falls_with_epsilon": Meaning(
        "weak",
        "raw success falls from a smaller to a larger budget (one-step: note)",
        f"a larger budget contains the smaller one, so the attack misses adversarials, and {_UPPER_BOUND}",
        "repair the attack (step size, restarts), or judge the budgets below the fall",
    ),
    "unbounded_attack_fails": Meaning(
        "weak",
        "with the bounds as only limit and ten starts, Wilson's 99.9 % upper limit of success < 0.99; not "
        "for a model of one answer",
        f"without a budget every image can be turned into another, so the attack is broken and {_UPPER_BOUND}",
        "look for masked gradients: zero gradients, saturation, a step without derivative, too few steps",
    ),
    "cannot_reach_epsilon": Meaning(
        "weak",
        "steps × step size < ε (as published: note)",
        f"steps × step size is smaller than the budget, which is never used up, so {_UPPER_BOUND}",
        "more steps or a larger step size",
        is_of_degree=True,
    ),
    "library_count_differs": Meaning(
        "note",
        "> 0.1 % and ≥ 2 adversarials against our prediction",
        "the attack library counts success differently from our second prediction, which is what we report",
        "look for randomness or a change of precision between attack and prediction",
    ),
    "no_averaging": Meaning(
        "weak",
        "averaging over draws fools more than the same attack without, and more than the claim's own iterative one",
        f"averaging over the model's randomness finds adversarials that the attack misses, so {_UPPER_BOUND}",
        "average gradients over at least 16 draws (EOT), or use the exact average",
    ),
    "planted_missed": Meaning(
        "weak",
        "more than 10 % of the planted adversarials missed, exact p < 0.001, ≥ 5 (10 of 32; one-step: note)",
        f"the attack misses adversarials that are known to exist (Zimmermann et al. 2022), so {_UPPER_BOUND}",
        "repair or strengthen the attack until it finds the planted ones",
    ),
    "below_exact_distance": Meaning(
        "void",
        "any adversarial of the diagnostics, or of a minimising L2 attack with or without bounds, fools "
        "from nearer than d − 1e-4 (d + ‖x‖), d the exact distance",
        "an adversarial nearer than the exact distance cannot exist: there is a bug in one of the two",
        "predict one of these adversarials again, and compare the model's observables with its logits",
    ),
    "beyond_exact_distance": Meaning(
        "weak",
        "a minimising L2 attack, run without bounds on up to 100 images: median norm over its successes > "
        "1.2 d, or nothing found for > 10 %",
        f"the attack stays far above the exact distance to the boundary, or finds nothing, so {_UPPER_BOUND}",
        "more steps, restarts, or the exact attack itself",
    ),
    "another_attack_is_nearer": Meaning(
        "weak",
        "norms only: on > 10 % of up to 100 images, spread over the training runs, another attack of the claim or of "
        "the diagnostics, or the exact distance within the bounds, is more than 5 % nearer (five or more: note)",
        f"the distances that the attack found are too large, so {_UPPER_BOUND}",
        "name several attacks (`attack: [deepfool, carlini_wagner]`): the smallest norm counts",
        is_of_degree=True,
        # metrics with a budget are compared with other attacks at that budget
        limits=lambda metric: metric.basis == "norms",
    ),
    "margin_below_precision": Meaning(
        "void",
        "logit margins under the arithmetic's error on > 1 % of images (two or more: note)",
        "the winning class is decided by rounding, so any change of the arithmetic changes the answer",
        "compute logits in float64 or scale them",
    ),
    "logits_rescaled": Meaning(
        "note",
        "the median gap between the two largest logits, on clean images, is below 2 or above 32",
        "at the logits' own scale cross-entropy hardly has a gradient, or one that rounds to zero, so it was climbed "
        "on a multiple of them with a gap of 8; this makes the attack stronger, and changes no answer",
        "nothing; `rescale: false` climbs plain cross-entropy, as it is",
    ),
    "annealer_off_temperature": Meaning(
        "note",
        "the last epoch's samples of an annealer at β outside 0.9 to 1.1, in any run",
        "the annealer's samples came at another temperature than the machine's own, so it learned from other averages",
        "let the temperature policy track β, weaken the weights (weight decay) or the chains, or take wider ranges",
    ),
    "samples_off_distribution": Meaning(
        "note",
        "first or second moments of an inspected sampler deviate from the machine's own by more than 1.5 "
        "times what as many independent samples would, in any run; not assessed where parallel tempering is "
        "itself off by more than half of that",
        "the sampler's averages are not the machine's own, so the gradient that it learned from has a bias",
        "more sweeps, chains that hold, smaller errors or weights; for Gibbs sampling more steps or parallel tempering",
    ),
    "surrogate_below_reference": Meaning(
        "note",
        "a training run of the surrogate has more errors on clean images than its `reference_accuracy` explains: exact "
        "p < 0.001 / runs",
        "attacks were made on a model that is less accurate than its kind can be: what they do to other models may say "
        "more about its training than about them",
        "train the surrogate longer, on more data, or wider, until it reaches the reference",
    ),
    "collapsed_seed": Meaning(
        "note",
        "≥ 40 points below the median, and > 5 deviations of the other runs; from 3 seeds on",
        "one training run failed: it widens the interval, and its point is shown",
        "look at its training curve; more seeds, or a training that does not collapse",
    ),
}
