"""How large a spec may be: a file from a stranger must not exhaust the reader's machine."""

from typing import Final

MAX_BYTES: Final = 1 << 20
"""Of the file."""
MAX_DEPTH: Final = 32
"""Of nested mappings and lists."""
MAX_WEIGHT: Final = 200_000
"""Of the document with aliases and ``extends`` written out; a scalar weighs one and one more per 64 characters."""
MAX_TEXT: Final = 10_000
"""Characters of one scalar."""
MAX_CLAIMS: Final = 5_000
"""Claims after ``for`` is expanded."""
MAX_EXPANDED_WEIGHT: Final = 1_000_000
"""Of all expanded claims together."""
MAX_CASE_TEXT: Final = 100
"""Characters of one value of ``for``."""
MAX_PROBLEMS: Final = 1_000
"""Mistakes that are looked for, and told."""
MAX_SEEDS: Final = 1_000
"""Training runs of a model."""
MAX_DRAWS: Final = 100_000
"""Draws of a randomised decision on one image."""
MAX_INTEGER: Final = 2**63 - 1
"""Largest absolute value of an integer."""
