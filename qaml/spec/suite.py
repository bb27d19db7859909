"""What a spec file becomes: a validated suite at one profile, every name resolved, every claim expanded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from qaml.quantum.channels import ChannelPart
from qaml.spec.limits import MAX_DRAWS, MAX_SEEDS
from qaml.types import MOST_EXAMPLES, Settings
from qaml.vocab import Decision, Order, ProfileName, Verdict

if TYPE_CHECKING:
    from qaml.attacks.base import AttackPart
    from qaml.claims.base import ClaimPart, ReportedTable
    from qaml.claims.detectors.base import DetectorPart
    from qaml.data.base import DatasetPart
    from qaml.defences.base import DefencePart
    from qaml.models.base import ModelPart


class Citation(Settings):
    """The paper that a suite's claims come from."""

    citation: str
    """Authors, year and title."""
    arxiv: str = ""
    """The number, such as 2012.11619."""


class Inference(Settings):
    """How a randomised model decides (ignored by deterministic ones), and what disturbs a quantum circuit."""

    decision: Decision = "mean"
    """One draw, a vote over draws, the average of probabilities over draws, their exact average, or a vote over draws
    that are measured once each (Huang & Zhang 2023, algorithm 2), whose chances follow from the exact average."""
    draws: int = Field(16, ge=1, le=MAX_DRAWS)
    """Draws in a vote or an average."""
    evidence_draws: int = Field(8, ge=1, le=MAX_DRAWS)
    """K: how often the decision is repeated on each image, so that evidence is k of K."""
    noise_layers: bool | None = None
    """Whether noise layers draw, on weights trained either way; left out, as the model says."""
    noise: tuple[ChannelPart, ...] = ()
    """Channels on every wire after every layer of a quantum circuit, in this order; training knew nothing of them."""


class Evaluation(Settings):
    """How much is measured; a profile usually changes it."""

    seeds: int | None = Field(None, ge=1, le=MAX_SEEDS)
    """Training runs of every model (default: the model's own, 3 or 5)."""
    images: int | None = Field(None, ge=1, le=MOST_EXAMPLES)
    """Test images that are attacked and scored; default all of them. Fewer are among more."""
    order: Order = "shuffled"
    """Which ones come first: ``shuffled`` at random with the class shares kept, the same ones for every model and on
    every machine, or as in the ``file``, for a paper that took the first ones of a published test set."""


class Diagnostics(Settings):
    """The validity battery that runs beside every claim."""

    enabled: bool = True
    """Whether the battery runs at all; without it findings are 'not assessed'."""
    images: int = Field(500, ge=1, le=MOST_EXAMPLES)
    """Test images that the battery sees, spread over all training runs."""


class Expectation(Settings):
    """The verdict that a claim is expected to reach at one profile."""

    verdict: Verdict = "supported"
    """One of the four."""
    findings: tuple[str, ...] = ()
    """Names of validity findings that are expected to be raised."""
    because: str = ""
    """Why, for every verdict but 'supported'."""


class Reference(NamedTuple):
    """What a model of its kind reaches on its data when it is trained well.

    Attributes:
        accuracy: clean, 0 … 1.
        source: who says so; may be empty.
    """

    accuracy: float
    source: str = ""


class ModelEntry(NamedTuple):
    """A model of a suite.

    Attributes:
        name: in the suite.
        dataset: the name of its dataset.
        part: its architecture and training.
        defences: applied in order.
        inference: how a randomised model decides.
        seeds: training runs.
        derived_from: the model whose trained weights it shares.
        reference: what it is held against where attacks are made on it.
        stream: of the draws that it is trained from.
    """

    name: str
    dataset: str
    part: ModelPart
    defences: tuple[DefencePart, ...]
    inference: Inference
    seeds: int
    derived_from: str | None = None
    reference: Reference | None = None
    stream: int = 0


class ClaimEntry(NamedTuple):
    """An expanded claim.

    Attributes:
        id: unique in the suite, ``for`` filled in.
        case: the values of ``for``.
        statement: the sentence, ``for`` filled in.
        part: kind, cells and rule.
        expected: at this profile.
        paper_says: the verdict that the paper's own numbers give.
        line: of the claim in the file, from 1.
        yaml: the claim's own lines.
    """

    id: str
    case: dict[str, str]
    statement: str
    part: ClaimPart
    expected: Expectation
    paper_says: Verdict | None
    line: int
    yaml: str


class Suite(NamedTuple):
    """A spec file at one profile.

    Attributes:
        name: unique among specs; the first half of test ids.
        path: of the file.
        summary: two sentences for the report, with ``{claim-id}`` filled in by numbers.
        attacks: by name, those that are named by where they are made (``pgd@convnet``) as transfers.
        assumed: what the paper leaves open and we chose, by dotted path or free key.
    """

    name: str
    title: str
    source: Citation
    summary: str
    path: Path
    profile: ProfileName
    evaluation: Evaluation
    diagnostics: Diagnostics
    datasets: Mapping[str, DatasetPart]
    models: Mapping[str, ModelEntry]
    attacks: Mapping[str, AttackPart]
    detectors: Mapping[str, DetectorPart]
    reported: Mapping[str, ReportedTable]
    assumed: Mapping[str, str]
    claims: tuple[ClaimEntry, ...]
