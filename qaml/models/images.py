"""The requirement of convolutional architectures on their inputs."""

from qaml.errors import PartError
from qaml.types import InputInfo


def refuse_unless_image(kind: str, info: InputInfo) -> None:
    """Refuse inputs without channels, height and width.

    Raises:
        PartError: the inputs are plain features.
    """
    if not info.is_image:
        raise PartError(
            f"model {kind!r} expects images of shape (channels, height, width), got inputs of shape {info.shape}",
            "use 'linear', 'quadratic' or 'fnn' on plain features",
        )
