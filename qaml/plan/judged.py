"""The payload of a claim's judge, which it reads in addition to artefacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qaml.attacks.base import AttackPart
    from qaml.claims.base import ReportedTable
    from qaml.claims.detectors.base import DetectorPart
    from qaml.spec.suite import ClaimEntry
    from qaml.vocab import ProfileName


class Surrogate(NamedTuple):
    """A model that a claim's attacks are made on, and the clean accuracy that its kind is known to reach.

    Attributes:
        attacks: names of the claim's attacks that are made on it.
        accuracy: the clean accuracy that it is compared with, 0–1.
        source: the publication that reports this accuracy; may be empty.
    """

    attacks: tuple[str, ...]
    accuracy: float
    source: str = ""


class JudgedClaim(NamedTuple):
    """A claim, and the entries of its suite that the verdict and its report depend on.

    Attributes:
        suite: name of the suite.
        file: name of the suite's file.
        profile: the scale.
        entry: the claim.
        reported: name → reported table of the suite.
        assumed: field → the suite's reason for a value that the paper leaves open.
        attacks: name → attack that the claim uses, or that its transferred attacks are made with.
        detectors: name → detector that the claim is about.
        surrogates: name → model that the claim's attacks are made on and that has a reference accuracy.
        setting: name of each model, attack and detector → its description in words.
        caveats: dataset → caveat for readers of numbers from it.
        unseen: remarks about foreign code whose reads cannot be followed.
    """

    suite: str
    file: str
    profile: ProfileName
    entry: ClaimEntry
    reported: Mapping[str, ReportedTable]
    assumed: Mapping[str, str]
    attacks: Mapping[str, AttackPart]
    detectors: Mapping[str, DetectorPart]
    surrogates: Mapping[str, Surrogate]
    setting: Mapping[str, str]
    caveats: Mapping[str, str]
    unseen: tuple[str, ...]
