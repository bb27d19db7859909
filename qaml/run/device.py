"""The device that steps compute on."""

from __future__ import annotations

from qaml.errors import RunError


def check_device(device: str) -> None:
    """Nobody waits for models that then cannot be trained; torch is imported only where CUDA is asked for.

    Raises:
        RunError: there is no such device.
    """
    if device != "cuda":
        return
    import torch

    if not torch.cuda.is_available():
        raise RunError(
            f"cuda was asked for, and torch {torch.__version__} finds no CUDA device here",
            "cpu, or a build of torch for this machine's GPU and driver",
        )
