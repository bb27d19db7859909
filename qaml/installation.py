"""Whether this is the only package called ``qaml``: another project owns that name on the package index."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution

from qaml.errors import QamlError

FOREIGN = "qaml"
OURS = "qaml-bench"


def check_installation() -> None:
    """Refuse to work beside the foreign distribution, whose files lie among ours.

    Raises:
        QamlError: a distribution named exactly ``qaml`` is installed.
    """
    try:
        version = distribution(FOREIGN).version
    except PackageNotFoundError:
        return
    raise QamlError(
        f"another project's distribution {FOREIGN!r} ({version}) is installed; it brings a Python package of the "
        f"same name as {OURS!r}, and the files of the two overwrite each other",
        f"pip uninstall {FOREIGN}, then pip install --force-reinstall --no-deps {OURS}",
    )
