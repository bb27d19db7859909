"""Run every measurement in this folder; write ``reports/performance.json`` and a table in Markdown.

A measurement is a file (not named ``test_*``) with a function ``rows()`` that returns a list of
``{name, value, unit, peer, ratio, bar, holds}``. Ratios are of one run on one machine; absolute times are not compared.
"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

from tabulate import tabulate

HERE = Path(__file__).parent
REPORTS = HERE.parent.parent / "reports"
COLUMNS = ("name", "value", "unit", "peer", "ratio", "bar", "holds")


def measure(path: Path) -> list[dict[str, Any]]:
    print(f"{path.name} …", file=sys.stderr, flush=True)
    spec = importlib.util.spec_from_file_location(f"performance_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    rows: list[dict[str, Any]] = module.rows()
    return rows


def main() -> int:
    chosen = [path for path in sorted(HERE.glob("*.py")) if not path.name.startswith(("_", "test_"))]
    if names := sys.argv[1:]:
        chosen = [path for path in chosen if path.stem in names]
    rows = [row for path in chosen for row in measure(path)]
    table = tabulate([[row[c] for c in COLUMNS] for row in rows], headers=COLUMNS, tablefmt="github", floatfmt=".3g")
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / "performance.json").write_text(json.dumps(rows, indent=1) + "\n")
    (REPORTS / "performance.md").write_text(table + "\n")
    print(table)
    return 0 if all(row["holds"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
