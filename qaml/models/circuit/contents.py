"""What blocks hold, before it is known what inputs they are for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from qaml.models.circuit.blocks import Block, Encode, Entangle, Noise, Pool, Random, Repeat, Rotate, Until

_ENCODINGS: Final = {
    "amplitude": (),
    "basis": ("rx",),
    "zz": ("hadamard", "phase", "cnot"),
    "iqp": ("hadamard", "rz", "ising_zz"),
}
_POOLS: Final = {"crx_crz": ("x", "crx", "crz"), "cnot": ("cnot",), "none": ()}
_SU4: Final = ("rot", "ising_xx", "ising_yy", "ising_zz")


def reads_angles(blocks: Sequence[Block]) -> bool:
    """Whether features of the inputs are angles somewhere."""
    return any(_reads(block) for block in _leaves(blocks))


def holds_noise(blocks: Sequence[Block]) -> bool:
    """Whether a block is noise, also within loops."""
    return any(isinstance(block, Noise) for block in _leaves(blocks))


def reads_behind_noise(blocks: Sequence[Block], noisy: frozenset[str], *, is_behind: bool = False) -> bool:
    """Whether features of the inputs are angles in a block with channels, or behind one.

    Args:
        blocks: the blocks.
        noisy: the gates behind which there are channels.
        is_behind: whether there is a channel before the blocks.
    """
    for block in blocks:
        leaves = list(_leaves([block]))
        disturbs = any(isinstance(leaf, Noise) or not noisy.isdisjoint(_gates(leaf)) for leaf in leaves)
        if isinstance(block, Repeat) and block.repeat == 1:
            found = reads_behind_noise(block.block, noisy, is_behind=is_behind)
        else:  # what is behind a block of a loop is before it, too
            found = (is_behind or disturbs) and any(_reads(leaf) for leaf in leaves)
        if found:
            return True
        is_behind |= disturbs
    return False


def _leaves(blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks, and in place of loops their blocks, once."""
    for block in blocks:
        if isinstance(block, Repeat | Until):
            yield from _leaves(block.block)
        else:
            yield block


def _reads(block: Block) -> bool:
    if isinstance(block, Encode):
        return block.encode != "amplitude"
    return isinstance(block, Rotate | Entangle) and block.angles.affine is not None


def _gates(block: Block) -> Sequence[str]:
    """The names of the gates of which a block consists."""
    match block:
        case Encode():
            return _ENCODINGS.get(block.encode) or (f"r{block.axis or 'x'}",) * (block.encode == "angle")
        case Pool():
            return _POOLS[block.pool]
        case Random():
            return "rx", "ry", "rz", "cnot"
        case Rotate() | Entangle():
            return _SU4 if block.verb == "su4" else (block.verb,)
    return ()
