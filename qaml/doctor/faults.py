"""Every fault that the doctor can see: whose it is, how grave, when it is seen, and what to do.

The code that sees a fault is in the module of its subject; a fault cannot be seen that is not in this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Gravity = Literal["fault", "note"]
"""A fault spoils results or ends the run; a note is worth knowing and leaves the exit code at 0."""
SubjectKind = Literal["dataset", "model", "attack"]


class Fault(NamedTuple):
    """The meaning of a fault.

    Attributes:
        subject: kind of entry that has it.
        gravity: fault or note.
        seen_if: the rule, in words.
        remedy: what to do about it, where the code that sees it knows nothing better.
    """

    subject: SubjectKind
    gravity: Gravity
    seen_if: str
    remedy: str


FAULTS: Final[Mapping[str, Fault]] = {
    # --- datasets
    "data_unreadable": Fault(
        "dataset",
        "fault",
        "reading the dataset raises an error: files are missing, damaged or not what was declared",
        "put the files where QAML_DATA points, or correct the declaration",
    ),
    "data_refused": Fault(
        "dataset",
        "fault",
        "what was read breaks the contract of datasets: shapes, NaN, bounds, labels, missing classes, indices",
        "let the dataset return what it declares",
    ),
    "data_changes": Fault(
        "dataset",
        "fault",
        "read twice, the dataset of another package gives other arrays",
        "seed what read() draws, and sort what it lists",
    ),
    "values_off_scale": Fault(
        "dataset",
        "fault",
        "all values lie in less than a fiftieth of the declared bounds",
        "divide once and not twice, or declare the bounds that the values have: budgets are meant within them",
    ),
    "labels_unrelated": Fault(
        "dataset",
        "fault",
        "on up to 500 test examples the answers of the nearest of up to 2,000 training examples, and of a linear "
        "model, are no better than the most frequent class, and do not depend on the labels (p > 0.01)",
        "labels may be shuffled, or in another order than the inputs: shuffle and select both together",
    ),
    "test_in_training": Fault(
        "dataset",
        "fault",
        "more than 1 % of the test examples are among the training examples, every coordinate the same (fewer: note)",
        "leave these examples out of one of the splits",
    ),
    "imbalanced": Fault(
        "dataset",
        "note",
        "the most frequent class has more than ten times the test examples of the rarest",
        "compare accuracies with the share of the most frequent class, or select a balanced subset",
    ),
    # --- attacks
    "budget_too_small": Fault(
        "attack",
        "fault",
        "bounds are 100 wide or wider, and every budget is at most 1 in L∞, 5 in L2: it may be meant for [0, 1]",
        "budgets are in the dataset's units: multiply by 255, or divide the inputs by 255",
    ),
    "budget_not_reached": Fault(
        "attack",
        "note",
        "steps × step size is smaller than the largest budget",
        "more steps, or a larger step size",
    ),
    # --- models: their code
    "code_missing": Fault(
        "model",
        "fault",
        "code that the spec names is not trusted, cannot be imported or does not exist",
        "see the message",
    ),
    "code_ended": Fault(
        "model",
        "fault",
        "the process that builds and asks it ends: by an exit, a crash, or without memory",
        "raise an exception instead of leaving Python; a crash is in compiled code, or for lack of memory",
    ),
    "too_slow": Fault(
        "model",
        "fault",
        "the process that builds and asks it does not finish within its time",
        "look for a loop without end, a download, or work that belongs into a file",
    ),
    "changes_process": Fault(
        "model",
        "note",
        "its code changes state of the whole process, such as the default precision or a random generator's functions",
        "leave the process as it was: qaml gives it back after every step, so the change does not last",
    ),
    "cannot_be_built": Fault(
        "model", "fault", "building it raises an error", "repair the factory, or its 'arguments' in the spec"
    ),
    "weights_refused": Fault(
        "model",
        "fault",
        "its file of weights is missing, is another one than named, or does not fit the module",
        "name the file that was written for this architecture, with its SHA-256",
    ),
    "weights_unseeded": Fault(
        "model",
        "note",
        "built twice with one seed, its initial weights differ",
        "draw initial weights from torch's generator, which qaml seeds, and from no other",
    ),
    "weights_alike": Fault(
        "model",
        "note",
        "built with two seeds, its initial weights are the same random ones",
        "leave out torch.manual_seed: every training run would start alike, and seeds would show no spread",
    ),
    # --- models: their answers
    "fails_on_inputs": Fault(
        "model",
        "fault",
        "forward raises an error on real inputs of the dataset",
        "let forward take (batch, *shape) of this dataset",
    ),
    "wrong_outputs": Fault(
        "model",
        "fault",
        "outputs are no tensor of logits of shape (batch, classes)",
        "return one logit for each class of the dataset",
    ),
    "channels_last": Fault(
        "model",
        "fault",
        "it takes images with channels last, and fails on channels first",
        "layout: hwc (for a torch_module), or begin forward with inputs.permute(0, 2, 3, 1)",
    ),
    "fixed_batch": Fault(
        "model",
        "fault",
        "it takes batches of one size only, or no single input",
        "reshape with inputs.shape[0] or -1 in place of a number, and squeeze no batch of one",
    ),
    "no_answer": Fault(
        "model",
        "fault",
        "logits of real inputs are NaN, or none of them is the largest",
        "find the overflow: clamp before log and division, scale the inputs, compute in float32 or wider",
    ),
    "training_mode": Fault(
        "model",
        "fault",
        "after eval() and a forward pass, layers are in training mode",
        "let eval() and train() reach every layer, and call train() nowhere in forward",
    ),
    "weights_change": Fault(
        "model",
        "fault",
        "in evaluation mode a forward pass changes its weights or buffers",
        "update buffers in training mode only (if self.training: …)",
    ),
    "answers_differ": Fault(
        "model",
        "fault",
        "the same batch asked twice gets other answers, and no randomness is declared",
        "dropout: F.dropout(x, p, self.training); noise: switch it off in evaluation mode, or declare it in a "
        "randomised part or defence",
    ),
    "depends_on_batch": Fault(
        "model",
        "fault",
        "the same inputs in other batches get other answers",
        "take no mean, maximum or norm over the batch: normalise with running statistics",
    ),
    "outputs_are_classes": Fault(
        "model",
        "fault",
        "each output row is a one and zeros",
        "return logits, before argmax or one_hot: classes have no gradient, and no margin",
    ),
    "outputs_are_probabilities": Fault(
        "model",
        "fault",
        "each output row sums to one, without negative values",
        "return what goes into the softmax, or log_softmax: cross-entropy takes a softmax itself, and of probabilities "
        "it hardly has a gradient",
    ),
    "no_gradients": Fault(
        "model",
        "fault",
        "logits have no gradient in the inputs",
        "leave out detach(), no_grad, numpy, item() and comparisons in forward, or pass gradients straight through "
        "(BPDA); a model without gradients takes black-box attacks",
    ),
    "zero_gradients": Fault(
        "model",
        "fault",
        "gradients of cross-entropy and margin are exactly zero, also in float64, on more than 10 % of the images",
        "rounding and sign have no slope: pass gradients straight through (BPDA), or attack without them",
    ),
    "nan_gradients": Fault(
        "model",
        "fault",
        "gradients of cross-entropy are NaN or infinite on real inputs, while logits are finite",
        "sqrt, norm, log and division have no slope at zero: add a small number inside",
    ),
    "coarse_logits": Fault(
        "model",
        "fault",
        "on more than 5 % of the images the two largest logits differ by less than float32 resolves at their size",
        "compute logits in float32 or float64, subtract a large constant that they share, or scale them up",
    ),
    "constant_outputs": Fault(
        "model",
        "fault",
        "every input gets the same logits, trained or with its own weights",
        "inputs do not reach the outputs: look for zeroed weights, dead units, saturation, a wrong variable",
    ),
    "saturated_logits": Fault(
        "model",
        "note",
        "a user's logits have a median gap above 88, beyond which cross-entropy in float32 is exactly zero",
        "divide the logits by a temperature; attacks rescale them and answers stay the same",
    ),
    "state_not_saved": Fault(
        "model",
        "fault",
        "built again and given its state_dict, the module answers differently",
        "register what it draws or learns as parameters or buffers: later steps have nothing else",
    ),
    # --- models: what they have learned
    "cannot_be_trained": Fault("model", "fault", "a short training run raises an error", "repair what the error names"),
    "training_diverges": Fault(
        "model",
        "fault",
        "in a short training run the loss becomes NaN or infinite",
        "smaller learning rate, clamped logarithms, gradient clipping, float64",
    ),
    "learning_rate": Fault(
        "model",
        "fault",
        "a short training run stays at chance or diverges, and with another learning rate it does not",
        "take the learning rate that learns",
    ),
    "input_scale": Fault(
        "model",
        "fault",
        "a short training run stays at chance, and on inputs of another scale it does not; or with its own weights it "
        "is surely 15 points better on inputs of another scale, orientation or normalisation",
        "undo in the module or in the dataset what is done twice or left out",
    ),
    "does_not_learn": Fault(
        "model",
        "fault",
        "on up to 512 training examples accuracy stays at chance (exact p > 0.001), the loss is not below the entropy "
        "of the classes and hardly falls, and no other learning rate or scale helps",
        "look for frozen or detached weights, dead units, a loss that the outputs do not reach, shuffled labels",
    ),
    "classes_permuted": Fault(
        "model",
        "fault",
        "with its own weights it is wrong in a regular way: renaming its classes gives 15 points or more, and at least "
        "60 % right",
        "bring the outputs into the order of the dataset's classes",
    ),
    "weights_at_chance": Fault(
        "model",
        "fault",
        "with its own weights it does no better than the most frequent class, its answers do not depend on the labels "
        "(p > 0.01), and nothing known helps",
        "are these weights trained, of this task, and meant for inputs as this dataset has them?",
    ),
    "not_enough_memory": Fault(
        "model",
        "fault",
        "a training batch needs more memory than there is: weights, gradients, moments, and what backpropagation keeps",
        "a smaller batch, or a smaller model",
    ),
}
"""Name → fault."""
