"""The blocks of a circuit as a spec writes them: a mapping each, named by its gate, encoding, pooling or loop."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    SerializerFunctionWrapHandler,
    ValidatorFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from qaml.quantum.channels import ChannelPart
from qaml.types import Settings, as_tuple

Wire: TypeAlias = Annotated[int, Field(ge=0, le=11)]
Targets: TypeAlias = Annotated[tuple[str | Wire, ...], BeforeValidator(as_tuple), Field(min_length=1)]
"""Wires: ``all``, the name of a register, a number, or a list of names and numbers."""
Pattern: TypeAlias = Literal["chain", "reverse_chain", "ring", "all_to_all", "neighbours"]
Pairs: TypeAlias = Pattern | Annotated[tuple[tuple[Wire, Wire], ...], Field(min_length=1)]
Feature: TypeAlias = Annotated[int, Field(ge=0, lt=10_000_000)]
Term: TypeAlias = Feature | Annotated[tuple[Feature, ...], Field(min_length=1, max_length=10)]
Features: TypeAlias = Literal["all", "next"] | Annotated[tuple[Term, ...], Field(min_length=1)]
Share: TypeAlias = Literal["wires", "layers", "both"]
_SHARE = "Angles that are the same on all wires (or pairs), in all repetitions (``layers``), or both; none by default."


class Angles(Settings):
    """The angles of a block: b + Σ w·f(x), where f is a feature of the input or a product of features."""

    affine: Literal["dense", "each"] | None = None
    """The features of an angle: ``dense``: all of them; ``each``: one, the next one for every angle of the block, wire
    after wire. Without it an angle is b alone."""
    features: Features = "all"
    """The features that are taken: ``all``, from the first on; ``next``, from where the block before stopped, and after
    the last one from the first again; or a list of numbers from 0 on, in which ``[0, 1]`` is the product of two."""
    padded: bool = False
    """Whether a pass of ``next`` ends with a block: what is left of the block's angles takes no feature, and the next
    block begins with the first one."""
    weight: float | None = None
    """A fixed w for every feature; without it each w is trained."""
    bias: float | Annotated[tuple[float, ...], Field(min_length=1)] | None = None
    """A fixed b in radians, or one for each angle of the gate; without it each b is trained."""

    @model_validator(mode="after")
    def _fields_fit_together(self) -> Angles:
        if self.affine is None and (self.weight is not None or self.features != "all"):
            raise ValueError("'weight' and 'features' are for angles with 'affine: dense' or 'affine: each'")
        if self.affine == "dense" and self.features == "next":
            raise ValueError("'features: next' is for 'affine: each', since a dense angle takes all features")
        if self.padded and self.features != "next":
            raise ValueError("'padded' is for 'affine: each' with 'features: next'")
        return self


class Block(Settings):
    """A block of a circuit: an encoding, gates, a pooling or a loop."""

    verbs: ClassVar[tuple[str, ...]] = ()
    """The fields of which a block of this class has exactly one."""

    @staticmethod
    def members() -> tuple[type[Block], ...]:
        """Every class of blocks, in the order in which they are asked whether a mapping is theirs."""
        return Encode, Rotate, Entangle, Random, Noise, Pool, Until, Repeat

    @classmethod
    def class_for(cls, given: Mapping[str, Any]) -> type[Settings] | None:
        """The class of the block that a mapping describes, by the field that names it; ``None`` where none does."""
        if cls is not Block:
            return cls
        return next((member for member in cls.members() if set(member.verbs).intersection(given)), None)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A field of type ``Block`` takes a block of every class."""
        schema, is_base = handler(source), cls.__mro__[1] is Settings
        return core_schema.no_info_wrap_validator_function(cls._resolve, schema) if is_base else schema

    @classmethod
    def _resolve(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        if isinstance(value, Block) or not isinstance(value, Mapping):
            return handler(value)
        found = cls.class_for(value)
        if found is None:
            word = next((str(key) for key in value), "")[:60]
            known = ", ".join(verb for member in cls.members() for verb in member.verbs)
            about = {"family": "block", "kind": word, "known": f"blocks: {known}", "hint": f"blocks: {known}"}
            raise PydanticCustomError("block_unknown", "no block is called '{kind}'", about)
        return found.model_validate_json(json.dumps(value))  # in JSON strict mode takes a list for a tuple

    @model_validator(mode="after")
    def _has_one_name(self) -> Block:
        given = [verb for verb in self.verbs if self.named(verb) is not None]
        if len(given) > 1:
            raise ValueError(f"a block has one gate, this one has {' and '.join(given)}: write a block for each")
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_not_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # a word that is added to the language later leaves the keys of circuits without it as they are
        return {name: value for name, value in handler(self).items() if value is not None}

    def named(self, verb: str) -> Any:
        """The value of one of the fields that name a block."""
        return self.__dict__[verb]

    @property
    def verb(self) -> str:
        """The field that names this block."""
        return next(verb for verb in self.verbs if self.named(verb) is not None)


class Encode(Block):
    """Inputs become a state, or angles that are not trained."""

    verbs: ClassVar[tuple[str, ...]] = ("encode",)

    encode: Literal["amplitude", "angle", "basis", "zz", "iqp"]
    """Encoding: ``amplitude``: x/‖x‖ padded with zeros, the first block of a circuit, the other wires at 0;
    ``angle``: a rotation by x_i on wire i; ``basis``: X on wire i where the bit x_i is 1, by RX(πx_i); ``zz``:
    Hadamard, P(2x_i), and P(2(π − x_i)(π − x_j)) of pairs between CNOTs (Havlíček et al. 2019; Qiskit's
    ``ZZFeatureMap``); ``iqp``: Hadamard, RZ(x_i), exp(−i x_i x_j ZZ/2) on pairs (PennyLane's ``IQPEmbedding``)."""
    on: Targets = ("all",)
    """The wires."""
    axis: Literal["x", "y", "z"] | None = None
    """Axis of the rotations of ``angle``; x by default."""
    scale: float | None = None
    """Factor on every feature of ``angle``; 1 by default."""
    features: Literal["all", "next"] | None = None
    """The features of ``angle``: ``all`` by default, or ``next``, from where the block before stopped."""
    pairs: Pairs | None = None
    """The pairs of ``zz`` and ``iqp``; ``all_to_all`` by default."""
    repeat: Annotated[int, Field(ge=1, le=100)] | None = None
    """Number of repetitions of ``zz`` (2 by default) and ``iqp`` (1)."""

    @model_validator(mode="after")
    def _fields_fit_together(self) -> Encode:
        theirs = {"angle": ("axis", "scale", "features"), "zz": ("pairs", "repeat"), "iqp": ("pairs", "repeat")}
        own = theirs.get(self.encode, ())
        other = [field for field in ("axis", "scale", "features", "pairs", "repeat") if field not in own]
        wrong = next((field for field in other if self.named(field) is not None), None)
        if wrong is not None:
            right = " and ".join(repr(encoding) for encoding, fields in theirs.items() if wrong in fields)
            raise ValueError(f"{wrong!r} is for the encoding {right}, this one is {self.encode!r}")
        return self


class Rotate(Block):
    """A gate on single wires."""

    verbs: ClassVar[tuple[str, ...]] = ("rot", "rx", "ry", "rz", "phase", "hadamard")

    rot: Targets | None = None
    """Rot(φ, θ, ω) = RZ(ω) RY(θ) RZ(φ) on these wires."""
    rx: Targets | None = None
    """RX on these wires."""
    ry: Targets | None = None
    """RY on these wires."""
    rz: Targets | None = None
    """RZ on these wires."""
    phase: Targets | None = None
    """The phase gate diag(1, e^{iθ}) on these wires."""
    hadamard: Targets | None = None
    """Hadamard on these wires; it has no angle."""
    angles: Angles = Angles()
    """The angles, wire after wire; all trained by default."""
    share: Share | None = Field(None, description=_SHARE)


class Entangle(Block):
    """A gate on pairs of wires, the first of which controls a controlled one."""

    verbs: ClassVar[tuple[str, ...]] = (
        *("cnot", "cz", "swap", "crx", "cry", "crz"),
        *("ising_xx", "ising_yy", "ising_zz", "su4"),
    )

    cnot: Pairs | None = None
    """CNOT on these pairs: ``chain`` (0, 1), (1, 2), …; ``reverse_chain``: the same, the last one first; ``ring``: the
    chain and (n − 1, 0); ``all_to_all``: (0, 1), (0, 2), …, (1, 2), …; ``neighbours``: every other pair of the chain,
    and then the rest of it; or a list of pairs of wire numbers."""
    cz: Pairs | None = None
    """CZ on these pairs."""
    swap: Pairs | None = None
    """SWAP on these pairs."""
    crx: Pairs | None = None
    """Controlled RX on these pairs."""
    cry: Pairs | None = None
    """Controlled RY on these pairs."""
    crz: Pairs | None = None
    """Controlled RZ on these pairs."""
    ising_xx: Pairs | None = None
    """exp(−iθ XX/2) on these pairs."""
    ising_yy: Pairs | None = None
    """exp(−iθ YY/2) on these pairs."""
    ising_zz: Pairs | None = None
    """exp(−iθ ZZ/2) on these pairs."""
    su4: Pairs | None = None
    """Any unitary of two wires on these pairs: Rot ⊗ Rot · exp(−i(aXX + bYY + cZZ)/2) · Rot ⊗ Rot, whose 15 angles are
    those of the four Rot and a, b, c."""
    on: Targets = ("all",)
    """The wires among which a pattern makes pairs."""
    stride: Annotated[int, Field(ge=1, le=11)] | Literal["cycle"] | None = None
    """Distance r of a ``ring``'s pairs (i, i + r mod n); ``cycle``: r = 1, 2, …, n − 1, 1, … from repetition to
    repetition (PennyLane's ``StronglyEntanglingLayers``). Without it r is 1, and two wires have one pair."""
    angles: Angles = Angles()
    """The angles, pair after pair; all trained by default."""
    share: Share | None = Field(None, description=_SHARE)

    @model_validator(mode="after")
    def _fields_fit_together(self) -> Entangle:
        pairs = self.named(self.verb)
        if self.stride is not None and pairs != "ring":
            raise ValueError(f"'stride' is for 'ring', this block has {pairs if isinstance(pairs, str) else 'a list'}")
        if self.on != ("all",) and not isinstance(pairs, str):
            raise ValueError("'on' is for a pattern such as 'chain', a list of pairs names its wires itself")
        return self


class Random(Block):
    """Rotations at random places, with CNOTs in between, as PennyLane's ``RandomLayers``; every angle is trained.

    Which gates there are is a function of the seed, the block's place and the number of the repetition.
    """

    verbs: ClassVar[tuple[str, ...]] = ("random",)

    random: int = Field(ge=1, le=10_000)
    """Number of rotations: RX, RY or RZ, each on one of the wires."""
    on: Targets = ("all",)
    """The wires."""
    cnot_share: float = Field(0.3, ge=0, lt=1)
    """Chance that a gate is not a rotation but a CNOT of two of the wires."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the gates, not of their angles: training runs of a model have the same gates."""


class Noise(Block):
    """Channels on single wires, in training, too; on more than six wires they may be averaged over random draws."""

    verbs: ClassVar[tuple[str, ...]] = ("noise",)

    noise: Annotated[tuple[ChannelPart, ...], Field(min_length=1)]
    """The channels, in order."""
    on: Targets = ("all",)
    """The wires, each with all of the channels."""


class Pool(Block):
    """Every second wire is left out of all later blocks, after a gate by which it may turn the wire that stays."""

    verbs: ClassVar[tuple[str, ...]] = ("pool",)

    pool: Literal["crx_crz", "cnot", "none"]
    """The gate: ``crx_crz``: RX where the dropped wire is 0, then RZ where it is 1 (two trained angles); ``cnot``; or
    ``none``."""
    keep: Literal["odd", "even"] = "odd"
    """The wires that stay: the second of every pair, counted from the end, or the first, counted from the beginning; a
    wire without a partner stays, too."""
    on: Targets = ("all",)
    """The wires that are pooled."""
    share: Share | None = Field(None, description=_SHARE)


class Until(Block):
    """Blocks that are repeated until few wires are left."""

    verbs: ClassVar[tuple[str, ...]] = ("until",)

    until: int = Field(ge=1, le=12)
    """Number of wires at which the repetitions end."""
    block: tuple[Block, ...] = Field(min_length=1)
    """The blocks, one of which pools."""


class Repeat(Block):
    """Blocks that are repeated, each time with angles of their own unless a block shares them over layers."""

    verbs: ClassVar[tuple[str, ...]] = ("repeat",)

    repeat: int = Field(ge=1, le=10_000)
    """Number of repetitions."""
    block: tuple[Block, ...] = Field(min_length=1)
    """The blocks."""
