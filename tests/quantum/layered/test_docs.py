"""What docs/quantum-kernel.md shows is what happens."""

import re
from pathlib import Path

DOCUMENT = Path(__file__).parents[3] / "docs" / "quantum-kernel.md"


def test_the_example_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    exec(compile(example, DOCUMENT.name, "exec"), {})
