"""Ten modules that spoil what they can reach, beside sound models: nobody else's numbers change, and each says why."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from tests.plugin.project import Project, Result, without_times

SOUND = """
import torch


def net():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
"""
NET = """
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(64, 10)

    def forward(self, inputs):
        return self.layer(inputs.flatten(1))
"""
HOSTILE = {
    "inplace": """
def before(inputs):
    inputs.mul_(2).sub_(1)
""",
    "precision": """
torch.set_default_dtype(torch.float64)
torch.set_float32_matmul_precision("medium")
""",
    "gradients": """
def before(inputs):
    torch.set_grad_enabled(False)
""",
    "exits": """
def before(inputs):
    sys.exit(3)
""",
    "leaves": """
os._exit(0)
""",
    "moves": """
os.chdir("/")
sys.path.insert(0, "/")
os.environ["OMP_NUM_THREADS"] = "4"
warnings.simplefilter("error")
""",
    "seeds": """
torch.manual_seed(0), random.seed(0), numpy.random.seed(0), torch.set_num_threads(3)
""",
    "patches": """
torch.nn.functional.cross_entropy = lambda *_, **__: torch.zeros((), requires_grad=True)
numpy.argsort = None
""",
    "replaces": """
sys.modules["json"] = sys.modules["sound"] = None
numpy.random.rand = lambda *_: 0
signal.signal(signal.SIGTERM, signal.SIG_IGN)
""",
    "aborts": """
def before(inputs):
    print("noise of a native library", flush=True)
    os.abort()
""",
}
ENDS = {
    "gradients": "train gradients, seed 0: the module's logits have no gradient in its weights",
    "exits": "train exits, seed 0: its code called sys.exit(3)",
    "leaves": "train leaves, seed 0: the process that ran its code left Python with exit code 0",
    "aborts": "train aborts, seed 0: the process that ran its code ended with signal 6 (SIGABRT)",
}
SPEC = """
suite: sound
evaluation: {seeds: 1, images: 20}
diagnostics: {images: 20}
datasets:
  digits: {kind: digits, transforms: [{kind: subset, train: 100, test: 50}]}
attacks:
  fgsm: {kind: fgsm, epsilon: 0.1}
claims:
  - id: linear-is-sound
    statement: The network keeps a fifth of its accuracy.
    kind: bound
    metric: robust_accuracy
    of: {model: linear, attack: fgsm}
    at_least: 0.2
  - id: own-is-sound
    statement: The network is better than chance.
    kind: bound
    metric: clean_accuracy
    of: {model: own}
    at_least: 0.2
%s
models:
  linear: {kind: linear, dataset: digits, training: {epochs: 1}}
  own: {kind: torch_module, dataset: digits, factory: "sound:net", training: {epochs: 1}}
%s
"""
HOSTILE_CLAIMS = """
  - id: "{model}-learns"
    for: {model: [%s]}
    statement: The network is better than chance.
    kind: bound
    metric: clean_accuracy
    of: {model: "{model}"}
    at_least: 0.2
"""


class Spoilt(NamedTuple):
    """One run with the hostile modules, one without."""

    run: Result
    outcomes: dict[str, Any]
    alone: dict[str, Any]


def write(project: Project, hostile: list[str]) -> None:
    (project.root / "sound.py").write_text(SOUND)
    imports = "import os, random, signal, sys, warnings\nimport numpy\nimport torch\n"
    for name in hostile:
        source = imports + NET + HOSTILE[name]
        if "def before" in source:
            source += "\nforward = Net.forward\nNet.forward = lambda self, x: (before(x), forward(self, x))[1]\n"
        (project.root / f"{name}.py").write_text(source)
    line = '  %s: {kind: torch_module, dataset: digits, factory: "%s:Net", training: {epochs: 1}}'
    models = "\n".join(line % (name, name) for name in hostile)
    claims = HOSTILE_CLAIMS % ", ".join(hostile) if hostile else ""
    project.spec("sound", SPEC % (claims, models))
    project.environment |= {
        "PYTHONPATH": str(project.root),
        "QAML_TRUSTED_MODULES": " ".join(["sound", *hostile]),
    }


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Spoilt:
    both, alone = (Project(tmp_path_factory.mktemp(name) / "project") for name in ("both", "alone"))
    write(both, list(HOSTILE))
    write(alone, [])
    assert alone.pytest().code in (0, 1)
    return Spoilt(both.pytest("-n", "0"), _by_id(both), _by_id(alone))


def _by_id(project: Project) -> dict[str, Any]:
    return {outcome["id"]: outcome for outcome in project.report()["outcomes"]}


@pytest.mark.parametrize("model", ["linear", "own"])
def test_sound_models_are_judged_as_if_they_were_alone(spoilt: Spoilt, model: str) -> None:
    claim = f"{model}-is-sound"
    own, alone = (without_times(outcomes[claim]) for outcomes in (spoilt.outcomes, spoilt.alone))
    assert own == alone


@pytest.mark.parametrize("model", HOSTILE)
def test_hostile_models_are_judged_or_say_what_happened(spoilt: Spoilt, model: str) -> None:
    claim = f"{model}-learns"
    if model in ENDS:
        assert spoilt.run.outcome(f"sound::{claim}") == "error"
        assert ENDS[model] in spoilt.run.text(f"sound::{claim}")
    else:
        assert spoilt.outcomes[claim]["measured"]


def test_what_was_changed_is_told(spoilt: Spoilt) -> None:
    told = [line for line in spoilt.run.out.splitlines() if "code that is not qaml's changed, and got back" in line]
    expected = {
        "train precision": "default dtype: torch.float32, then torch.float64; precision of products: highest",
        "train moves": "working directory: ",
        "train seeds": "threads of torch: 1, then 3",
        "train patches": "torch.nn.functional.cross_entropy was replaced; numpy.argsort was replaced",
        "train replaces": "handler of SIGTERM; numpy.random.rand was replaced; sys.modules['json'] was replaced",
    }
    for step, words in expected.items():
        assert any(step in line and words in line for line in told), (step, told)
    assert not any("own," in line or "linear," in line for line in told)


def test_the_noise_of_a_step_is_shown_with_its_test(spoilt: Spoilt) -> None:
    assert "noise of a native library" in spoilt.run.out


def test_one_process_ended_none_of_the_others(spoilt: Spoilt) -> None:
    assert spoilt.run.code == 1
    assert len(spoilt.run.tests) == len(HOSTILE) + 2
    assert sum(outcome == "error" for outcome in spoilt.run.outcomes.values()) == len(ENDS)
