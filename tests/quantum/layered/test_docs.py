"""What docs/quantum-kernel.md shows is what happens."""

import re
from pathlib import Path

DOCUMENT = Path(__file__).parents[3] / "docs" / "quantum-kernel.md"


def test_the_examples_run() -> None:
    examples = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        exec(compile(example, DOCUMENT.name, "exec"), {})
