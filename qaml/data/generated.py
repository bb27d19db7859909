"""Points from scikit-learn's generators, held against what was declared about them."""

from __future__ import annotations

import hashlib

from qaml.errors import DataError
from qaml.types import AnyArray, Data, InputInfo, IntArray, Split


def check_points(
    generator: str, points: AnyArray, labels: IntArray, n: int, info: InputInfo, declared: str | None
) -> None:
    """Check the points that a generator made.

    Args:
        generator: its name, for messages.
        points: (n, n_features) what it made.
        labels: (n,) the classes of the points.
        n: number of points that were asked for.
        info: the description of the points.
        declared: what ``digest`` gives; ``None`` where nothing is declared for these parameters.

    Raises:
        DataError: it made other points than declared, or points out of bounds.
    """
    import numpy as np

    low, high = info.bounds
    given = points.astype(np.float32).astype(np.float64)
    if given.shape != (n, *info.shape) or not bool(((given >= low) & (given <= high)).all()):
        raise DataError(
            f"expected {n} points within [{low:g}, {high:g}], got shape {points.shape} "
            f"within [{points.min():g}, {points.max():g}]",
            "try another seed, or less noise",
        )
    if declared is not None and declared != (found := digest(points, labels)):
        raise DataError(
            f"{generator} of the installed scikit-learn gives other points than declared (SHA-256 {found})",
            "install the pinned version of scikit-learn, or declare other parameters than the default ones",
        )


def divided(points: AnyArray, labels: IntArray, info: InputInfo, test_share: float, seed: int) -> Data:
    """The points, a share of them for testing; ``indices`` count through the generator's order, over both splits.

    Args:
        points: (n, n_features).
        labels: (n,) the classes of the points.
        info: the description of the points.
        test_share: share of each class that is for testing.
        seed: seed of the choice.
    """
    import numpy as np

    from qaml.data.stratified import split_off_share

    whole = Split(points.astype(np.float32), labels.astype(np.int64), np.arange(len(points), dtype=np.int64))
    return Data(*split_off_share(whole, test_share, seed), info)


def digest(points: AnyArray, labels: IntArray) -> str:
    """SHA-256 of the coordinates in millionths, as little-endian int64, and the labels as uint8.

    Sines and logarithms of different platforms differ in the last bits, so the bytes of floats would not do; a
    coordinate of the default points is never nearer than 1e-10 to where its rounding changes.
    """
    import numpy as np

    millionths = np.rint(points * 1e6).astype("<i8")
    return hashlib.sha256(millionths.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
