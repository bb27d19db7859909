"""Write the generated pages: ``make reference`` in the repository, or with a folder as argument."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from reference.pages import write

parser = ArgumentParser(prog="python -m reference", description="Write the generated pages of the documentation.")
parser.add_argument("folder", nargs="?", type=Path, default=Path("docs/reference"), help="default: %(default)s")
write(parser.parse_args().folder)
