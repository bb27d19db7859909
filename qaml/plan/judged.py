"""What the judge of a claim is given beside artefacts."""

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
    """A model that a claim's attacks are made on, and what its kind is known to reach.

    Attributes:
        attacks: attacks of the claim that are made on it, by name.
        accuracy: the clean accuracy that it is held against, 0 … 1.
        source: who says that models of its kind reach it; may be empty.
    """

    attacks: tuple[str, ...]
    accuracy: float
    source: str = ""


class JudgedClaim(NamedTuple):
    """A claim, and what of its suite the verdict and its report depend on.

    Attributes:
        suite: its name.
        file: the name of the suite's file.
        profile: the scale.
        entry: the claim.
        reported: the suite's reported tables.
        assumed: what the paper leaves open and the suite chose.
        attacks: those that the claim uses, and those that transferred ones are made with.
        detectors: those that the claim is about.
        surrogates: the models that the claim's attacks are made on and that have a reference accuracy.
        setting: each model, attack and detector in words.
        caveats: dataset → what a reader of numbers from it must know.
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
