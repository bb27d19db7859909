"""Specs that nobody honest wrote: mutated ones, bombs, and paths that lead to what is no file."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from tests.campaign.faults.hostile import Hostile, as_file, in_order
from tests.campaign.faults.project import SPEC, Project
from tests.report.hostile import HOSTILE
from tests.spec.mutation import mutated

SPECS = Path(__file__).parents[3] / "specs"
COMMANDS = (("validate",), ("plan",), ("list",))
ZEROS = "0" * 64


def every() -> Iterator[Hostile]:
    """Bombs, texts that act, then mutations without end."""
    spec = "specs/tiny.yaml"
    for name, bomb in bombs().items():
        yield Hostile(name, as_file(spec, bomb), ("validate",))
        yield Hostile(name, as_file(spec, bomb), ("plan",))
    for i, text in enumerate(HOSTILE):
        quoted = _quoted(text)
        yield Hostile(
            f"text {i} as a name", as_file(spec, SPEC.replace("fnn:", f"{quoted}:", 1).encode()), COMMANDS[i % 3]
        )
        as_id = SPEC.replace("id: fnn-keeps", f"id: {quoted}").replace("suite: tiny", f"suite: {quoted}")
        yield Hostile(f"text {i} as an id", as_file(spec, as_id.encode()), COMMANDS[i % 3])
        kind = SPEC.replace("kind: pgd", f"kind: {quoted}").replace("{model: rbm}", f"{{model: {quoted}}}")
        yield Hostile(f"text {i} as a kind", as_file(spec, kind.encode()), COMMANDS[(i + 1) % 3])
    specs = [SPEC.encode(), *(path.read_bytes() for path in sorted(SPECS.glob("*.yaml")))]
    for i in count():
        source = random.Random(i)
        own = specs[:1] if i % 2 else specs  # the papers' specs take longer
        yield Hostile(f"mutation {i}", as_file(spec, mutated(own, source)), COMMANDS[i % 3])


def _quoted(text: str) -> str:
    """As YAML writes any text in ASCII."""
    escaped = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return f'"{escaped}"'


def bombs() -> dict[str, bytes]:
    """Small files that mean much."""
    laughs = "".join(f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 10)}]\n" for i in range(12))
    many = "".join(f"  m{i}: {{kind: nobody/k{i}, dataset: moons}}\n" for i in range(2_000))
    claims = "".join(
        f"  - {{id: c{i}, statement: s, kind: bound, metric: clean_accuracy, of: {{model: rbm}}, at_least: 0}}\n"
        for i in range(5_100)
    )
    chain = "  e0: {extends: linear}\n" + "".join(f"  e{i + 1}: {{extends: e{i}}}\n" for i in range(3_000))
    wide = ", ".join(f"v{i}" for i in range(400))
    crossed = f"    for: {{a: [{wide}], b: [{wide}], c: [{wide}]}}\n"
    fields = (
        *("seeds: 1", "images: 30", "epochs: 4", "hidden: 6", "sweeps: 1"),
        *("chains: 4", "train: 100", "steps: 4", "n: 100", "batch: 10"),
    )
    large = {
        f"{field.partition(':')[0]}: {number[:20]}": SPEC.replace(
            field, f"{field.partition(':')[0]}: {number}"
        ).encode()
        for field in fields
        for number in ("1000000000", "9223372036854775807", "1" + "0" * 5_000)
    }
    return large | {
        "a billion laughs": ("a0: &a0 [x, x]\n" + laughs + SPEC).encode(),
        "an alias to itself": ("a: &a [*a]\n" + SPEC).encode(),
        "deep lists": ("a: " + "[" * 50_000).encode(),
        "deep mappings": ("a: " + "{a: " * 50_000).encode(),
        "deep blocks": "".join("  " * i + "a:\n" for i in range(1_000)).encode(),
        "a long line": b"a: " + b"x" * 900_000,
        "2,000 unknown kinds": SPEC.replace("models:\n", "models:\n" + many).encode(),
        "5,100 claims": (SPEC + claims).encode(),
        "64 million cases": SPEC.replace("id: fnn-keeps\n", 'id: "{a}-{b}-{c}"\n' + crossed).encode(),
        "names of each other": SPEC.replace("models:\n", "models:\n  a: {extends: b}\n  b: {extends: a}\n").encode(),
        "a long chain of extends": SPEC.replace("models:\n", "models:\n" + chain).encode(),
        "tags": SPEC.replace("epsilon: 0.05", "epsilon: !!python/object/apply:os.system ['touch canary']").encode(),
        "more than the limit": b"# " + b"x" * (3 << 20),
        "utf-16": SPEC.encode("utf-16"),
        "nothing": b"",
        "zeros": b"\0" * 100_000,
        "many documents": b"---\n" * 200_000,
        "many anchors": "".join(f"- &a{i} x\n" for i in range(60_000)).encode(),
        "many tags": ("a: [" + "!!str x, " * 90_000 + "]").encode(),
        "regular expression": SPEC.replace("id: fnn-keeps", "id: " + "a-" * 4_000 + "!").encode(),
        "template": SPEC.replace("id: fnn-keeps", 'id: "{model.__class__.__mro__}"').encode(),
    }  # fmt: skip


Put = Callable[[Project], None]


def every_path() -> Iterator[Hostile]:
    """What is no regular file, in every place that takes a path; and huge files."""
    for what, made in _odd_files().items():
        at = "odd"
        for name in ("validate", "plan"):
            yield Hostile(f"spec that is {what}", made, (name, at))
        yield Hostile(f"spec among others that is {what}", in_order(made, _moved(at, "specs/odd.yaml")), ("validate",))
        for name, text in _pointing(at).items():
            yield Hostile(f"{name} that are {what}", in_order(as_file("specs/tiny.yaml", text), made), ("plan",))
        reading: tuple[tuple[str, ...], ...] = (
            ("report", at),
            ("compare", at, at),
            ("baseline", "show", at),
            ("history", "--store", at),
        )
        for command in reading:
            yield Hostile(f"{command[0]} of {what}", made, command)


def _moved(path: str, to: str) -> Put:
    def put(project: Project) -> None:
        (project.root / path).rename(project.root / to)

    return put


def _odd_files() -> dict[str, Put]:
    def sparse(project: Project) -> None:
        with (project.root / "odd").open("wb") as file:
            file.truncate(3 << 30)

    def link(target: str) -> Put:
        return lambda project: (project.root / "odd").symlink_to(target)

    return {
        "a FIFO": lambda project: os.mkfifo(project.root / "odd"),
        "/dev/zero": link("/dev/zero"),
        "/dev/urandom": link("/dev/urandom"),
        "3 GiB": sparse,
        "a link to itself": link("odd"),
        "a folder in itself": lambda project: (
            (project.root / "odd").mkdir() or (project.root / "odd" / "odd.yaml").symlink_to("..")
        ),
        "/proc/self/mem": link("/proc/self/mem"),
    }


def _pointing(at: str) -> dict[str, bytes]:
    """Suites that name the path."""
    start = "negative_phase: {kind: pcd, sweeps: 1, chains: 4}"
    annealer = "negative_phase: {kind: annealer, reads: 10, spin_reversals: 0, %s}"
    found = {
        "chains": annealer % f"chains: {{path: {at}, sha256: '{ZEROS}'}}",
        "recording": annealer % f"backend: recorded, recording: {{path: {at}, sha256: '{ZEROS}'}}",
    }
    texts = {name: SPEC.replace(start, text).encode() for name, text in found.items()}
    own = f"{{kind: torch_module, dataset: digits, factory: 'own:net', weights: {{path: {at}, sha256: '{ZEROS}'}}}}"
    read = f"{{kind: torch_module, dataset: digits, factory: 'own:net', reads: [{at}]}}"
    for name, text in {"weights": own, "reads": read}.items():
        texts[name] = SPEC.replace("{kind: fnn, dataset: digits, hidden: [8, 8], training: {epochs: 2}}", text).encode()
    return texts
