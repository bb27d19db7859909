"""Write the generated pages: ``python -m qaml.reference`` in the repository, or with a folder as argument."""

from __future__ import annotations

import sys
from pathlib import Path

from qaml.reference.pages import write

write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/reference"))
