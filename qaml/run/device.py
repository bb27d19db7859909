"""The device that steps compute on."""

from __future__ import annotations

from qaml.errors import RunError


def check_device(device: str) -> None:
    """Refuse a device that does not exist, before anything is computed; torch is imported only for CUDA.

    Raises:
        RunError: torch finds no such device.
    """
    if device != "cuda":
        return
    import torch

    if not torch.cuda.is_available():
        raise RunError(
            f"cuda was asked for, and torch {torch.__version__} finds no CUDA device here",
            "cpu, or a build of torch for this machine's GPU and driver",
        )
