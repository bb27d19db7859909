"""Noisy images through a deep circuit: observables evolved backwards once, against PennyLane's density matrices.

The circuit is West et al.'s QVC200 (2022, table I): 10 wires, 200 layers, 784 features, 10 classes, one channel on
every wire after every layer, 250 images. Ours is the evolution and then the images, in float64. One channel is evolved
through all 200 layers; the others through 1 and 20, and extrapolated. ``default.mixed`` runs one image through the
encoding alone and through one layer; the difference is a layer, and layers and images are extrapolated linearly.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pennylane as qml
import torch
from numpy.typing import NDArray

from qaml.models.qvc.network import NoisyClassifier
from qaml.quantum.channels import AmplitudeDamping, BitFlip, ChannelPart, Depolarising
from qaml.quantum.noise.evolution import noisy_observables

WIRES, LAYERS, FEATURES, CLASSES, IMAGES = 10, 200, 784, 10, 250
FEW_LAYERS = 20
REPEATS = 5
"""Of a measurement of milliseconds, the shortest counting."""
STRENGTH = 0.01
BAR = 5_000.0
MOST_MS = 1.0
"""An image may take, once the observables are there."""

Peer = Callable[[int], Any]
CASES: tuple[tuple[ChannelPart, Peer, int], ...] = (
    (Depolarising(probability=STRENGTH), partial(qml.DepolarizingChannel, STRENGTH), LAYERS),
    (AmplitudeDamping(gamma=STRENGTH), partial(qml.AmplitudeDamping, STRENGTH), FEW_LAYERS),
    (BitFlip(probability=STRENGTH), partial(qml.BitFlip, STRENGTH), FEW_LAYERS),
)


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def density_matrix(image: NDArray[np.float64], weights: NDArray[np.float64], peer: Peer) -> NDArray[np.float64]:
    """Expectation values of one image on ``default.mixed``."""

    @qml.qnode(qml.device("default.mixed", wires=WIRES))  # type: ignore[untyped-decorator]
    def circuit() -> list[Any]:
        qml.AmplitudeEmbedding(image, wires=range(WIRES), normalize=True, pad_with=0.0)
        for layer in weights:
            for wire in range(WIRES):
                qml.Rot(*layer[wire], wires=wire)
            for wire in range(WIRES - 1):
                qml.CZ(wires=[wire, wire + 1])
            for wire in range(WIRES):
                peer(wire)
        return [qml.expval(qml.PauliZ(wire)) for wire in range(CLASSES)]

    return np.array(circuit())


def check_agreement(channel: ChannelPart, image: NDArray[np.float64], one: NDArray[np.float64], expected: Any) -> None:
    """Both sides compute the same numbers, or there is nothing to compare."""
    matrices = noisy_observables(one, CLASSES, [channel], FEATURES)
    ours = np.einsum("i,kij,j->k", image, matrices, image) / (image @ image)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-10)


def compare(channel: ChannelPart, peer: Peer, layers: int) -> list[dict[str, Any]]:
    """The rows of one channel."""
    generator = np.random.default_rng(0)
    weights = generator.uniform(0, 2 * np.pi, (LAYERS, WIRES, 3))
    images = generator.random((IMAGES, FEATURES))
    encoding, _ = timed(lambda: density_matrix(images[0], weights[:0], peer))
    one_layer, expected = timed(lambda: density_matrix(images[0], weights[:1], peer))
    check_agreement(channel, images[0], weights[:1], expected)  # compiles, too
    first, _ = timed(lambda: noisy_observables(weights[:1], CLASSES, [channel], FEATURES))
    evolution, matrices = timed(lambda: noisy_observables(weights[:layers], CLASSES, [channel], FEATURES))
    classifier, inputs = NoisyClassifier(torch.from_numpy(matrices), 1.0), torch.from_numpy(images)
    classifying = min(timed(lambda: classifier(inputs))[0] for _ in range(REPEATS))

    theirs = IMAGES * (encoding + LAYERS * (one_layer - encoding))
    ours = first + (evolution - first) * (LAYERS - 1) / (layers - 1) + classifying
    each = 1e3 * classifying / IMAGES
    name = f"{WIRES} wires with {channel.kind.replace('_', ' ')}"
    measured = "all layers measured" if layers == LAYERS else f"{layers} layers measured"
    return [
        {
            "name": f"{name}, {LAYERS} layers, {IMAGES} images ({measured})",
            "value": ours,
            "unit": "s",
            "peer": f"default.mixed, extrapolated from a layer of {one_layer - encoding:.2g} s: {theirs:.3g} s",
            "ratio": theirs / ours,
            "bar": BAR,
            "holds": theirs / ours >= BAR,
        },
        {
            "name": f"{name}, an image once the observables are there",
            "value": each,
            "unit": "ms",
            "peer": f"at most {MOST_MS:g} ms",
            "ratio": MOST_MS / each,
            "bar": 1.0,
            "holds": each <= MOST_MS,
        },
    ]


def rows() -> list[dict[str, Any]]:
    """Measure every channel, with as many threads as torch has."""
    with torch.inference_mode():
        return [row for case in CASES for row in compare(*case)]


if __name__ == "__main__":
    for row in rows():
        print(f"{row['name']}: {row['value']:.3g} {row['unit']}, {row['peer']}, ratio {row['ratio']:.3g}")
