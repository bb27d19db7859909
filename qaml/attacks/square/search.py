"""Square (Andriushchenko et al. 2020) with a window of its own for every image, on images, vectors and any bounds.

pyautoattack's, a member of ``autoattack``, has one window for all images of a batch, is made for the box [0, 1], and in
L2 for images of 5×5 or more.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from qaml.attacks.access import access, chunks, is_fooled
from qaml.attacks.base import AttackResult, Progress, Target
from qaml.attacks.geometry import project
from qaml.attacks.scale import margin
from qaml.attacks.square.part import Square
from qaml.models.logits import has_answer
from qaml.models.seeding import derive_seed

HALVED_AT = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries of 10,000 after which the share p is halved (section 3)."""
TILES = 5
"""Number of windows along each side of an image at the start in L2."""


def attack(part: Square, target: Target, inputs: Tensor, labels: Tensor, seed: int, progress: Progress) -> AttackResult:
    """Attack every input at every budget; see ``AttackPart.run``."""
    inputs = inputs.float()
    adversarials = np.empty((len(part.grid), *inputs.shape), dtype=np.float32)
    claimed = np.zeros((len(part.grid), len(inputs)), dtype=np.bool_)
    queries = np.zeros((len(part.grid), len(inputs)), dtype=np.int64)
    pieces = chunks(len(inputs))
    with access(target, inputs, labels, seed, part.eot) as module:
        for number, piece in enumerate(pieces):
            for index, epsilon in enumerate(part.grid):
                generator = torch.Generator().manual_seed(
                    derive_seed(derive_seed(seed, "square", number), "budget", index)
                )
                search = _Search(part, target, module, inputs[piece], labels[piece], epsilon, generator)
                found = search.run()
                adversarials[index, piece] = found.cpu().numpy()
                claimed[index, piece] = is_fooled(module, found, labels[piece]).cpu().numpy()
                queries[index, piece] = search.asked.cpu().numpy()
                progress((number + (index + 1) / len(part.grid)) / len(pieces))
    return AttackResult(adversarials, claimed, queries=queries)


class _Windows(NamedTuple):
    """A window of each image.

    Attributes:
        inside: (m, 1, n_pixels) bool.
        pattern: (m, 1, n_pixels) the new perturbation's shape in L2, of norm one, zero outside.
    """

    inside: Tensor
    pattern: Tensor


class _Search:
    """Some clean inputs at one budget; perturbations have the form (m, channels, n_pixels)."""

    def __init__(
        self,
        part: Square,
        target: Target,
        module: nn.Module,
        clean: Tensor,
        labels: Tensor,
        epsilon: float,
        generator: torch.Generator,
    ) -> None:
        self.part, self.target, self.module = part, target, module
        self.clean, self.labels, self.epsilon, self.generator = clean, labels, epsilon, generator
        shape = clean.shape[1:]
        self.image = tuple(shape[1:]) if len(shape) == 3 else None
        self.channels = shape[0] if self.image is not None else 1
        self.n_pixels = shape.numel() // self.channels
        # in L∞ a point is made of these alone, so that no rounding takes it out of the budget
        self.lowest, self.highest = (self._within(clean + sign * epsilon, slice(None)) for sign in (-1, 1))
        self.asked = torch.zeros(len(clean), dtype=torch.int64, device=clean.device)

    def run(self) -> Tensor:
        """The adversarials with the largest margin met: (n, *shape)."""
        best, highest = self.clean.clone(), torch.full((len(self.clean),), -torch.inf, device=self.clean.device)
        rows = torch.arange(len(self.clean), device=self.clean.device)
        values, fooled = self._ask(self.clean, rows)
        highest, rows = values, rows[~fooled]
        for query in range(1, self.part.queries if self.epsilon > 0 else 0):
            if not len(rows):
                break
            points = self._first(rows) if query == 1 else self._next(best[rows], rows, self._share(query))
            values, fooled = self._ask(points, rows)
            better = fooled | (values > highest[rows]) | (query == 1)
            best[rows[better]], highest[rows[better]] = points[better], values[better]
            rows = rows[~fooled]
        return best

    def _ask(self, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The margins of points and whether they fool: (m,) each."""
        self.asked[rows] += 1
        with torch.no_grad():
            logits = self.module(points)
        own, answered = self.labels[rows], has_answer(logits)
        values = torch.where(answered, margin(logits, own).double(), -torch.inf)
        return values.float().nan_to_num(-torch.inf, torch.inf, -torch.inf), answered & (logits.argmax(1) != own)

    def _share(self, query: int) -> float:
        """The share p of the features in a window."""
        at = query / self.part.queries * 10_000
        return self.part.share / 2.0 ** sum(at > limit for limit in HALVED_AT)

    # --- points

    def _first(self, rows: Tensor) -> Tensor:
        """The start: stripes in L∞, tiles in L2, and random signs of inputs that are no images."""
        m = len(rows)
        if self.part.norm == "linf":
            width = self.n_pixels if self.image is None else self.image[1]
            signs = self._signs(m, self.channels, 1, width)
            return self._corner(signs.expand(-1, -1, self.n_pixels // width, -1).reshape(self.clean[rows].shape), rows)
        if self.image is None or min(self.image) < TILES:
            return self._added(self._scaled(self._signs(m, self.channels, self.n_pixels)), rows)
        height, width = self.image
        side = min(self.image) // TILES
        n_rows, n_columns = height // side, width // side
        signs = self._signs(m, self.channels, n_rows, n_columns).repeat_interleave(side, 2).repeat_interleave(side, 3)
        top, left = (height - n_rows * side) // 2, (width - n_columns * side) // 2
        padding = (left, width - n_columns * side - left, top, height - n_rows * side - top)
        tiles = nn.functional.pad(signs * self._pyramid(side).repeat(n_rows, n_columns), padding)
        return self._added(self._scaled(tiles.reshape(m, self.channels, self.n_pixels)), rows)

    def _next(self, best: Tensor, rows: Tensor, share: float) -> Tensor:
        """The best points with one window changed."""
        m = len(rows)
        window = self._windows(m, share)
        if self.part.norm == "l2":
            perturbation = (best - self.clean[rows]).reshape(m, self.channels, self.n_pixels)
            return self._added(self._moved(perturbation, window, self._windows(m, share)), rows)
        # one sign a channel of an image; neighbours in a vector have nothing in common
        signs = self._signs(m, self.channels, 1 if self.image is not None else self.n_pixels)
        inside, signs = (
            each.expand(-1, self.channels, self.n_pixels).reshape(best.shape) for each in (window.inside, signs)
        )
        return torch.where(inside, self._corner(signs, rows), best)

    def _corner(self, signs: Tensor, rows: Tensor) -> Tensor:
        return torch.where(signs > 0, self.highest[rows], self.lowest[rows])

    def _added(self, perturbation: Tensor, rows: Tensor) -> Tensor:
        return self._within(self.clean[rows] + perturbation.reshape(len(rows), *self.clean.shape[1:]), rows)

    def _within(self, points: Tensor, rows: Tensor | slice) -> Tensor:
        return project(points, self.clean[rows], self.epsilon, self.part.norm, self.target.bounds)

    def _moved(self, perturbation: Tensor, window: _Windows, other: _Windows) -> Tensor:
        """Move the norm in another window, and what is left of the budget, into this one (algorithm 3)."""
        inside, both = window.inside, window.inside | other.inside
        unused = (self.epsilon**2 - _squares(perturbation).sum(1, keepdim=True)).clamp(min=0) / self.channels
        old = perturbation * inside
        new = window.pattern * self._signs(len(old), self.channels, 1)
        new = new + old / (_squares(old).sqrt() + 1e-12)
        new = new / (_squares(new).sqrt() + 1e-12) * (unused + _squares(perturbation * both)).sqrt()
        return self._scaled(torch.where(both, new * inside, perturbation))

    def _scaled(self, perturbation: Tensor) -> Tensor:
        return perturbation * (self.epsilon / _squares(perturbation).sum(1, keepdim=True).sqrt().clamp(min=1e-12))

    # --- windows

    def _windows(self, m: int, share: float) -> _Windows:
        """A random window of each image, or a random set of features."""
        if self.image is None:
            count = max(1, round(share * self.n_pixels))
            ranks = torch.rand((m, self.n_pixels), generator=self.generator).argsort(1)
            inside = torch.zeros((m, self.n_pixels), dtype=torch.bool).scatter(1, ranks[:, :count], value=True)
            signs = torch.randint(0, 2, inside.shape, generator=self.generator) * 2.0 - 1.0
            pattern = inside * signs / math.sqrt(count)
            return _Windows(inside[:, None].to(self.clean.device), pattern[:, None].to(self.clean))
        side = round(math.sqrt(share * self.n_pixels))
        if self.part.norm == "l2":
            side = max(side, 3) | 1
        side = min(max(side, 1), *self.image)
        (down, is_in_row), (right, is_in_column) = (self._offsets(m, length, side) for length in self.image)
        inside = is_in_row[:, :, None] & is_in_column[:, None, :]
        pattern = self._pyramid(side).cpu()[down[:, :, None], right[:, None, :]] * inside
        return _Windows(inside.reshape(m, 1, -1).to(self.clean.device), pattern.reshape(m, 1, -1).to(self.clean))

    def _offsets(self, m: int, length: int, side: int) -> tuple[Tensor, Tensor]:
        """The place of each coordinate within a window at a random position, and whether it is inside: (m, length)."""
        start = torch.randint(0, length - side + 1, (m, 1), generator=self.generator)
        place = torch.arange(length)[None] - start
        return place.clamp(0, side - 1), (place >= 0) & (place < side)

    def _pyramid(self, side: int) -> Tensor:
        """η of algorithm 3: two halves of opposite signs, each a pyramid around its centre, of norm one."""
        pattern: Tensor = torch.zeros(side, side)
        half = side // 2
        pattern[:half], pattern[half:] = _rings(half, side), -_rings(side - half, side)
        if side > 1 and torch.rand(1, generator=self.generator) > 0.5:
            pattern = pattern.T
        unit: Tensor = pattern / torch.linalg.vector_norm(pattern).clamp(min=1e-12)
        return unit.to(self.clean.device)

    def _signs(self, *shape: int) -> Tensor:
        return (torch.randint(0, 2, shape, generator=self.generator) * 2.0 - 1.0).to(self.clean.device)


def _rings(height: int, width: int) -> Tensor:
    """Σ_k 1/(k + 1)² over the rectangles around the centre that contain a place: (height, width)."""
    total = torch.zeros(height, width)
    top, left = height // 2, width // 2
    for ring in range(max(top, left) + 1):
        rows = slice(max(top - ring, 0), min(top + ring + 1, height))
        columns = slice(max(left - ring, 0), min(left + ring + 1, width))
        total[rows, columns] += 1 / (ring + 1) ** 2
    return total


def _squares(perturbation: Tensor) -> Tensor:
    """‖δ‖² of each channel: (m, channels, n_pixels) → (m, channels, 1)."""
    return perturbation.square().sum(2, keepdim=True)
