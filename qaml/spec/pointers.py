"""What people type → where it is: words of other libraries and papers, each with the field or page that helps.

A misspelt word needs no line here: ``did_you_mean`` finds the nearest one. A pointer is for a word that is spelt well
and called otherwise here, or that is none of qaml's; it comes before the nearest word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from qaml.spec.nodes import Path

_ARRAYS = "'arrays': npz, npy, safetensors, CSV or Parquet (docs/howto/your-data.md)"
_CODE = "a network of yours: 'torch_module' (docs/howto/your-model.md)"
_WEIGHTS = "weights of yours: 'kind: torch_module' (docs/models.md, A module of yours)"
_ELSEWHERE = "made on another model: 'attack: pgd@MODEL' in the claim, or 'kind: transfer' (docs/spec.md)"
_UNTARGETED = "attacks are untargeted: any wrong class counts (docs/attacks.md)"
_ESTIMATOR = "'estimator': an object with fit and predict_proba, as scikit-learn has them (docs/howto/your-model.md)"
_QUANTUM_KERNEL = "'kernel_svm' with 'kernel: {kind: fidelity, layers: …}' (docs/circuits.md, Quantum kernels)"
_OWN_ATTACK = "an attack of yours: docs/howto/attack.md"
_TRAINING = "it belongs into 'training': docs/models.md"
_OF = "it belongs into the cell, 'of: {model: …, attack: …, epsilon: …}': docs/spec.md, Claims"
_STEPS = "'steps'"
_CITATION = "put it into 'citation': docs/spec.md"

_BY_FAMILY: Final[Mapping[str, Mapping[str, str]]] = {
    "dataset": {
        "npz npy numpy safetensors file files csv tsv parquet pandas table array custom": _ARRAYS,
        "folder image_folder imagefolder png jpg jpeg": "'images', one folder a class (docs/howto/your-data.md)",
        "sklearn scikit_learn toy": "'digits', 'iris', 'wine', 'breast_cancer', 'moons', 'circles' or 'blobs'",
        "cifar cifar_10": "'cifar10', or 'cifar2', its ships and trucks (docs/data.md)",
        "cancer breast": "'breast_cancer'",
        "make_circles": "'circles'",
        "make_blobs gaussian_blobs": "'blobs'",
        "fashion fmnist": "'fashion_mnist'",
        "ising spin_chain quantum_states": "'tfim' (docs/data.md, Quantum states)",
        "make_moons two_moons": "'moons'",
        "cifar100 imagenet svhn torchvision": "your own copy, as 'images' or 'arrays': docs/howto/your-data.md",
    },
    "transform": {
        "resize scale_down downsample": "'downscale'",
        "binarize threshold": "'binarise'",
        "standardize standard_scaler zscore z_score": "'standardise' (docs/data.md)",
        "scale min_max minmax": "'rescale' (docs/data.md)",
        "grayscale greyscale gray": "'grey'",
        "svd truncated_svd": "'pca' (docs/data.md)",
        "reshape": "'flatten'",
        "filter_classes classes": "'select_classes'",
        "amplitude amplitude_encoding encode": "'amplitudes' (docs/data.md, Quantum states)",
    },
    "model": {
        "resnet resnet34 resnet50 wide_resnet vgg vgg16 densenet mobilenet efficientnet vit": f"'resnet18', or {_CODE}",
        "svm svc kernel_machine": "'kernel_svm', or scikit-learn's as 'estimator' (docs/models.md)",
        "hopfield hopfield_network associative_memory": "'dense_memory' (docs/models.md)",
        "sklearn random_forest forest knn nearest_neighbour nearest_neighbor decision_tree": _ESTIMATOR,
        "xgboost lightgbm gradient_boosting naive_bayes adaboost gaussian_process": _ESTIMATOR,
        "torch pytorch keras tensorflow jax onnx neural_network custom": _CODE,
        "qnode qml torch_layer": "'pennylane': a QNode of yours (docs/howto/your-qnode.md)",
        "qiskit cirq": f"circuits: 'circuit' (docs/circuits.md); {_CODE}",
        "qsvm qsvc quantum_kernel quantum_svm kernel_qsvm": _QUANTUM_KERNEL,
        "vqc pqc variational_circuit quantum_circuit ansatz": "'circuit' (docs/circuits.md), or 'qvc'",
        "reuploading re_uploading data_reuploading data_re_uploading": "'circuit' (docs/circuits.md)",
        "quanv quanvnn quanvolutional quanvolutional_network": "'quanvolution' (docs/circuits.md, Quanvolutions)",
        "cnn conv lenet": "'convnet', 'huang_cnn' (docs/models.md)",
        "mlp dnn dense": "'fnn' (docs/models.md)",
        "logistic logistic_regression logreg softmax perceptron": "'linear' (docs/models.md)",
        "boltzmann bm dbm": "'rbm' (docs/models.md)",
    },
    "block": {
        "angleembedding angle_embedding angle_encoding": "'encode' with 'angle'",
        "amplitudeembedding amplitude_embedding amplitude_encoding amplitude": "'encode' with 'amplitude'",
        "basisembedding basis_embedding basis_encoding": "'encode' with 'basis'",
        "iqpembedding iqp_embedding iqp": "'encode' with 'iqp'",
        "zzfeaturemap zz_feature_map zz": "'encode' with 'zz'",
        "encoding embedding feature_map": "'encode'",
        "stronglyentanglinglayers strongly_entangling_layers": (
            "'repeat' with 'block: [{rot: all}, {cnot: ring, stride: cycle}]'"
        ),
        "basicentanglerlayers basic_entangler_layers": "'repeat' with 'block: [{rx: all}, {cnot: ring}]'",
        "realamplitudes real_amplitudes": "'repeat' with 'block: [{ry: all}, {cnot: reverse_chain}]'",
        "randomlayers random_layers": "'random'",
        "layer layers loop block blocks times": "'repeat', with its blocks in 'block'",
        "h": "'hadamard'",
        "cx": "'cnot'",
        "u u3 unitary": "'rot'",
        "p phaseshift phase_shift": "'phase'",
        "rxx isingxx": "'ising_xx'",
        "ryy isingyy": "'ising_yy'",
        "rzz isingzz": "'ising_zz'",
        "arbitraryunitary two_qubit su": "'su4'",
        "pooling": "'pool'",
        "channel channels depolarising depolarizingchannel amplitudedamping": "'noise', a list of channels",
        "measure measurement observable readout": "outside 'layers', in 'readout' (docs/circuits.md)",
    },
    "kernel": {
        "quantum quantum_kernel fidelity_quantum_kernel quantum_fidelity zz zz_feature_map": (
            "'fidelity' (docs/circuits.md, Quantum kernels)"
        ),
        "gaussian": "'rbf'",
        "poly": "'polynomial'",
    },
    "attack": {
        "cw cw_l2 c&w carlini carlini_wagner_l2": "'carlini_wagner'",
        "pgd_linf linf_pgd pgd_inf projected_gradient_descent madry": "'pgd' with 'norm: linf'",
        "pgd_l2 l2_pgd": "'pgd' with 'norm: l2'",
        "fgm fast_gradient gradient_sign": "'fgsm'; in another norm with 'norm: l2'",
        "ifgsm i_fgsm iterative_fgsm": "'bim'",
        "mi_fgsm mifgsm momentum": "'mim'",
        "deepfool_l2 deepfool_linf": "'deepfool' with 'norm: l2' or 'norm: linf'",
        "apgd apgd_ce apgd_t fab fab_t auto_attack": "'autoattack' (docs/attacks.md)",
        "noise random gaussian_noise": "'uniform_noise', as a control (docs/attacks.md)",
        "black_box blackbox query": "'square', 'hop_skip_jump' (docs/attacks.md, What each attack needs of a model)",
        "square_attack random_search": "'square'",
        "hsja hopskipjump hop_skip_jump_attack hopskip decision_based": "'hop_skip_jump'",
        "boundary_attack": "'boundary'",
        "targeted": _UNTARGETED,
        "jsma one_pixel ead ddn zoo nes spsa patch universal uap custom": _OWN_ATTACK,
    },
    "defence": {
        "madry adv_training at pgd_training trades": "'adversarial_training' (docs/models.md, Defences)",
        "gaussian_noise noise_augmentation augmentation": "'gaussian_augmentation'",
        "median median_filter smoothing": "'spatial_smoothing'",
        "bit_depth quantisation quantization squeezing": "'feature_squeezing'",
        "randomized_smoothing distillation jpeg custom": "a defence of yours: docs/howto/extend.md",
    },
    "claim kind": {
        "greater_than less_than threshold at_least at_most minimum maximum": "'bound' with 'at_least' or 'at_most'",
        "compare comparison better better_than beats greater": "'difference': 'of' against 'over'",
        "equal equals same": "'equivalence', with a 'margin'",
        "rank ranking sorted order": "'ordering'",
        "and all every": "'all_of'",
        "or any some": "'any_of'",
        "table paper": "'reported': a table's cells against what is measured",
        "monotone increasing decreasing": "'trend'",
    },
    "metric": {
        "accuracy acc test_accuracy standard_accuracy": "'clean_accuracy', or under an attack 'robust_accuracy'",
        "adversarial_accuracy robustness": "'robust_accuracy', or as papers have it 'accuracy_under_attack'",
        "asr success_rate fooling_rate": "'attack_success_rate'",
        "distance min_norm perturbation_norm": "'norm_quantile'",
    },
}
"""Family of parts → words, separated by blanks → what to write, and where to read."""

_OF_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "dataset": {
        "download root train": "a kind says by itself which files it reads: docs/data.md, Files, folder, mirrors",
        "normalize normalise resize": "'transforms': docs/data.md, Transforms",
        "classes class_names n_classes": "classes are chosen by a transform, 'select_classes' (docs/data.md)",
        "limit n n_samples samples": "examples are chosen by a transform, 'subset' (docs/data.md)",
        "test_size test_ratio validation_split": "'test_share', of your own data inside 'split' (docs/data.md)",
        "path files data_dir": "'file: {path: …}' of 'arrays', or 'folder' of 'images' (docs/data.md)",
        "random_state": "'seed'",
        "checksum hash digest md5": "'sha256'",
        "batch batch_size": "batches are the model's: 'training: {batch: …}'",
    },
    "model": {
        "epochs lr batch momentum optimiser weight_decay": _TRAINING,
        "learning_rate": "'lr', inside 'training': docs/models.md",
        "batch_size": "'batch', inside 'training': docs/models.md",
        "optimizer": "'optimiser', inside 'training': docs/models.md",
        "seed random_state": "'seeds', the number of training runs: docs/spec.md, Models",
        "weights checkpoint pretrained state_dict": _WEIGHTS,
        "noise decision shots": "it belongs into 'inference': docs/models.md",
        "qubits n_qubits n_wires num_qubits": "'wires'",
        "blocks gates ansatz": "'layers'",
        "kernel_size patch patch_size": "'kernel'",
        "padding": "'front: [{kind: pad, size: …}]': docs/circuits.md, Quanvolutions",
        "measure measurement observables": "'readout'",
        "attack adversarial": "'defences: [{kind: adversarial_training, attack: …}]': docs/models.md, Defences",
    },
    "kernel": {
        "qubits n_qubits n_wires num_qubits": "'wires'",
        "blocks gates ansatz feature_map": "'layers'",
    },
    "transform": {
        "low high minimum maximum min max feature_range": "'bounds: [low, high]'",
        "n_components dimensions": "'components'",
    },
    "training": {
        "learning_rate": "'lr'",
        "optimizer": "'optimiser'",
        "batch_size": "'batch'",
        "scheduler lr_schedule": "'schedule'",
    },
    "attack": {
        "eps eps_max max_norm radius": "'epsilon'",
        "eps_step alpha step_size lr": "'step', or 'relative_step' as a share of epsilon",
        "iterations iters max_iter n_iter nb_iter num_steps n_steps": _STEPS,
        "num_random_init n_restarts": "'restarts'",
        "eot_iter": "'eot'",
        "p ord": "'norm'",
        "targeted target target_class y_target": _UNTARGETED,
        "model surrogate source": _ELSEWHERE,
    },
    "claim kind": {
        "model attack epsilon": _OF,
        "min minimum > >= greater_than threshold value": "'at_least'",
        "max maximum < <= less_than": "'at_most'",
        "name": "'id'",
        "description sentence text": "'statement'",
        "expect verdict": "'expected'",
        "than against versus": "'over'",
        "foreach for_each with parametrize": "'for'",
        "profile": "'profiles', beside the claims: docs/spec.md, Profiles",
    },
    "source": {
        "title authors author year doi url journal": _CITATION,
        "arxiv_id eprint": "'arxiv'",
    },
    "evaluation": {
        "seed": "'seeds', the number of training runs",
        "n samples n_images test_images limit": "'images'",
        "batch batch_size": "qaml chooses batches by itself",
    },
}
"""Family of parts, or field that holds others → fields, separated by blanks → what to write, and where to read."""

_SECTIONS: Final[Mapping[str, str]] = {
    "name id": "'suite'",
    "description abstract": "'summary'",
    "citation paper arxiv doi": "'source'",
    "defences defenses defence": "they belong to a model: docs/models.md, Defences",
    "transforms preprocessing": "they belong to a dataset: docs/data.md, Transforms",
    "training epochs": "it belongs to a model: docs/models.md",
    "seeds seed images": "'evaluation': docs/spec.md",
    "tables results": "'reported': docs/spec.md",
    "metrics": "a claim names its metric: docs/reference/parts.md",
    "imports plugins": "a spec is data and loads no code: docs/models.md, A module of yours",
}


_VALUES: Final[Mapping[str, Mapping[str, str]]] = {
    "loss": {"cw carlini_wagner dlr logit_margin": "'margin'", "ce xent nll": "'cross_entropy'"},
    "norm": {"inf l_inf infinity max chebyshev ∞": "'linf'", "2 euclidean": "'l2'"},
    "optimiser": {"adamw": "'adam'"},
}
"""Field → words for one of its values, separated by blanks → the value."""


def for_kind(family: str, typed: str) -> str:
    """Where an unknown kind, or metric, is found; empty where this table knows nothing of it."""
    return _find(_BY_FAMILY.get(family, {}), typed)


def for_field(owner: str, typed: str) -> str:
    """Where an unknown field is found; ``owner`` is a family of parts, or the field that holds it."""
    return _find(_OF_FIELDS.get(owner, {}), typed)


def for_section(typed: str) -> str:
    """Where an unknown section of a spec is found."""
    return _find(_SECTIONS, typed)


def for_value(path: Path, typed: object, choices: Sequence[str]) -> str:
    """A suggestion where the value of a field is one of its choices by another name."""
    suggestion = _find(_VALUES.get(str(path[-1]), {}), str(typed)) if path else ""
    return suggestion if any(f"{each!r}" in suggestion for each in choices) else ""


def _find(table: Mapping[str, str], typed: str) -> str:
    word = typed.strip().lower().replace("-", "_")
    where = next((where for words, where in table.items() if word in words.split()), "")
    return f"did you mean {where}?" if where.startswith("'") else where and f"{where};"


def pointers() -> Mapping[str, str]:
    """Every entry of the table, as words → what to write, for the test that holds its names and pages."""
    tables = (*_BY_FAMILY.values(), *_OF_FIELDS.values(), _SECTIONS)
    return {words: where for table in tables for words, where in table.items()}
