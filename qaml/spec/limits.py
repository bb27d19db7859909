"""Limits of a spec's size: a file of unknown origin must not exhaust the reader's machine."""

from typing import Final

MAX_BYTES: Final = 1 << 20
"""Largest size of the file, in bytes."""
MAX_DEPTH: Final = 32
"""Largest depth of nested mappings and lists."""
MAX_WEIGHT: Final = 200_000
"""Largest weight of the document with aliases and ``extends`` written out; scalars weigh 1 and 1 per 64 characters."""
MAX_TEXT: Final = 10_000
"""Most characters of one scalar."""
MAX_CLAIMS: Final = 5_000
"""Most claims of a suite after ``for`` is expanded."""
MAX_EXPANDED_WEIGHT: Final = 1_000_000
"""Largest weight of all expanded claims together."""
MAX_CASE_TEXT: Final = 100
"""Most characters of one value of ``for``."""
MAX_PROBLEMS: Final = 1_000
"""Number of mistakes after which the search ends; all of them are shown."""
MAX_SEEDS: Final = 1_000
"""Most training runs of a model."""
MAX_DRAWS: Final = 100_000
"""Most draws of a randomised decision on one image."""
MAX_INTEGER: Final = 2**63 - 1
"""Largest absolute value of an integer."""
