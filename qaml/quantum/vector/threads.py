"""Work on spans of blocks, shared out among torch's number of threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import torch


def share(n_blocks: int, work: Callable[[int, int], None]) -> None:
    """Call ``work`` with the first and last block of each thread's span."""
    threads = min(torch.get_num_threads(), n_blocks)
    edges = [n_blocks * i // max(threads, 1) for i in range(threads + 1)]
    if threads <= 1:
        work(0, n_blocks)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda span: work(*span), pairwise(edges)))
