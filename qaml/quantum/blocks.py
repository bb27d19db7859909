"""Blocks of samples of a kernel: memory that begins with a cache line, and threads that share the blocks out."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from qaml.types import FloatArray


def share(n_blocks: int, work: Callable[[int, int], None]) -> None:
    """Call ``work`` with the first and last block of each thread's span."""
    threads = min(torch.get_num_threads(), n_blocks)
    edges = [n_blocks * i // max(threads, 1) for i in range(threads + 1)]
    if threads <= 1:
        work(0, n_blocks)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda span: work(*span), pairwise(edges)))


def cache_lines(*shape: int) -> FloatArray:
    """An empty array that begins with a cache line of 64 bytes: a vector then touches one line."""
    n = math.prod(shape)
    room = np.empty(n + 16, np.float32)
    start = -room.ctypes.data % 64 // 4
    return room[start : start + n].reshape(shape)


def array_of(tensor: Tensor) -> FloatArray:
    """A tensor on the CPU as a contiguous array, without its gradient."""
    return tensor.detach().contiguous().numpy()
