"""Configuration of the annealer as a negative-phase sampler."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from qaml.errors import PartError
from qaml.files.regular import digest_regular
from qaml.samplers.base import NegativePhase, SamplerPart
from qaml.types import Settings

Backend = Literal["qpu", "whole_chain", "simulated_annealing", "path_integral", "recorded"]
Topology = Literal["chimera", "pegasus", "zephyr"]
MOST_QUBITS = 100_000
Qubit = Annotated[int, Field(ge=0, lt=MOST_QUBITS)]
MOST_BYTES = 4 << 20
"""Largest size of a file of chains, in bytes: all 7,440 qubits of a Z15 fill 50 kB."""


TODAY: dict[Topology, int] = {"chimera": 16, "pegasus": 16, "zephyr": 15}
"""Topologies and sizes of the 2000Q, the Advantage and the Advantage2."""


def largest_layer(topology: Topology, size: int) -> int:
    """The number of units of the largest layer whose chains fit along a topology's lines, without broken qubits."""
    if topology == "chimera":
        return 4 * size
    return max(12 * size - 20, 0) if topology == "pegasus" else 16 * size - 8


class Hardware(Settings):
    """The properties of an emulated annealer; a QPU reports its own. The ranges are the D-Wave 2000Q's."""

    topology: Topology = "chimera"
    """Topology of the annealer's graph, which says which qubits are coupled."""
    size: int = Field(16, ge=1, le=32)
    """Size of the topology's graph: C16 is the 2000Q, P16 the Advantage, Z15 the Advantage2."""
    broken_qubits: tuple[Qubit, ...] = Field((), max_length=MOST_QUBITS)
    """Qubits that are missing."""
    h_range: tuple[float, float] = (-2.0, 2.0)
    """Range of the fields that can be programmed."""
    j_range: tuple[float, float] = (-2.0, 1.0)
    """Range of the couplings that can be programmed: the 2000Q's extended range; without it, −1 to 1."""
    beta: float = Field(6.1, gt=0)
    """Inverse temperature of the samples, in units of what is programmed; the default is what Ocean's documentation
    derives from an Advantage's single-qubit freeze-out (``dwave.system.temperatures.fast_effective_temperature``)."""
    h_error: float = Field(0.02, ge=0)
    """Standard deviation of each programmed field's error, drawn anew for each programming."""
    j_error: float = Field(0.02, ge=0)
    """Standard deviation of each programmed coupling's error, likewise."""


class Recording(Settings):
    """An annealer's answers in an earlier training run."""

    path: str = Field(min_length=1)
    """Path of ``recording.npz`` in that run's artefact; relative paths start at the current directory."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Checksum of the file."""


class GivenChains(Settings):
    """An embedding in a file of JSON: ``{"chains": {"0": [4, 12], …}}``, visible units first, then hidden ones."""

    path: str = Field(min_length=1)
    """Path of the file; relative paths start at the current directory."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Checksum of the file."""


class Layout(Settings):
    """The qubits of the chains and the method that lays them, which with the machine's size fix an embedding."""

    topology: Topology | None
    """Topology of an emulated annealer; a QPU reports its own."""
    size: int = 0
    broken_qubits: tuple[int, ...] = ()
    solver: str | None = None
    embedding: Literal["structure", "minorminer"] = "structure"
    chains: GivenChains | None = None


class Temperature(Settings):
    """The scaling of the problem that brings samples to the RBM's temperature (Kehoe et al. 2021, section 3.2)."""

    policy: Literal["fixed", "once", "tracked"] = "tracked"
    """Whether the temperature is never estimated, estimated in the first calls only, or corrected by every call."""
    beta: float = Field(6.1, gt=0)
    """The hardware's inverse temperature as first assumed: problems are divided by it."""
    rate: float = Field(0.3, gt=0, le=1)
    """Weight of a new estimate in a correction."""
    calls: int = Field(10, ge=1, le=1_000_000)
    """Number of calls in which ``once`` estimates."""


class Annealer(SamplerPart):
    """Samples of an annealer through Ocean's composites (Kehoe et al. 2021, sections 3.2 and 4.3).

    The RBM's Ising problem is scaled by the temperature policy, embedded with chains, gauge-transformed, sampled,
    unembedded and, if asked, swept by Gibbs sampling. Backends other than ``qpu`` are emulators: they say nothing about
    a real annealer, but show that the calls to it work.
    """

    kind: Literal["annealer"] = "annealer"
    backend: Backend = "whole_chain"
    """``qpu``: Ocean's DWaveSampler with its own configuration; ``whole_chain``: heat-bath moves of spins and whole
    chains; ``simulated_annealing`` and ``path_integral`` (simulated quantum annealing): Ocean's samplers, held at the
    hardware's temperature, whose single-spin moves hardly turn long chains; ``recorded``: an earlier run's answers."""
    recording: Recording | None = None
    """Recording to replay, call by call; every call is recorded beside the trained weights."""
    solver: str | None = None
    """Name of a QPU, such as Advantage_system4.1 (default: the one in Ocean's configuration)."""
    hardware: Hardware = Hardware()
    """Properties of an emulated annealer."""
    embedding: Literal["structure", "minorminer", "none"] = "structure"
    """``structure``: chains laid along the topology's lines; ``minorminer``: a heuristic (the paper's); ``none``: the
    logical problem itself, which no annealer accepts."""
    chains: GivenChains | None = None
    """Embedding in a file, which replaces the search for one."""
    chain_strength: float | Literal["torque"] = 1.0
    """Chain strength of the problem as programmed, at most what every gauge allows. ``torque`` is Ocean's uniform
    torque compensation: it keeps ground states whole, and is far too weak for thermal samples, whose chains break with
    about exp(−2β·strength) a coupler."""
    chain_prefactor: float = Field(1.414, gt=0)
    """Prefactor of the torque compensation."""
    unembedding: Literal["majority_vote", "minimise_energy", "discard"] = "majority_vote"
    """Treatment of broken chains."""
    gibbs: int = Field(0, ge=0, le=10_000)
    """Sweeps of Gibbs sampling after unembedding; the paper used the server's post-processing."""
    reads: int = Field(500, ge=1, le=100_000)
    """Number of samples of a call, divided among the spin reversals."""
    spin_reversals: int = Field(5, ge=0, le=1000)
    """Number of random gauges of a call, each programmed separately."""
    annealing_time: float = Field(20.0, gt=0)
    """Annealing time of a QPU, in microseconds."""
    sweeps: int = Field(200, ge=1, le=1_000_000)
    """Sweeps of an emulator, half of them while it cools to the hardware's temperature. With half as many the moments
    of a machine of 7,200 updates are off by 1.7 times the sampling error because of too few sweeps alone."""
    temperature: Temperature = Temperature()
    """Scaling of the problems."""
    most_reads: int | None = Field(None, ge=1, le=10**12)
    """Largest number of samples of a whole training run, which stops before it exceeds them."""
    most_qpu_seconds: float | None = Field(None, gt=0)
    """Largest QPU access time of a whole training run, in seconds, likewise."""
    _is_remembered: bool = PrivateAttr(False)

    @model_validator(mode="after")
    def _reads_are_shared(self) -> Annealer:
        if self.spin_reversals and self.reads % self.spin_reversals:
            raise ValueError(
                f"expected 'reads' to be a multiple of 'spin_reversals', got {self.reads} and {self.spin_reversals}"
            )
        if self.backend == "qpu" and self.embedding == "none":
            raise ValueError("a QPU takes embedded problems only")
        if self.embedding == "none" and self.chains is not None:
            raise ValueError("expected 'chains' or 'embedding: none', got both")
        if (self.backend == "recorded") != (self.recording is not None):
            raise ValueError("expected 'recording' with 'backend: recorded', and only there")
        return self

    @property
    def is_inspected(self) -> bool:
        """Always true: a matching temperature does not make samples right."""
        return True

    @property
    def layout(self) -> Layout | None:
        """The settings that the embedding depends on; none for recorded answers and without an embedding."""
        if self.backend == "recorded" or self.embedding == "none":
            return None
        if self.backend == "qpu":
            return Layout(topology=None, solver=self.solver, embedding=self.embedding, chains=self.chains)
        hardware = self.hardware
        return Layout(
            topology=hardware.topology,
            size=hardware.size,
            broken_qubits=hardware.broken_qubits,
            embedding=self.embedding,
            chains=self.chains,
        )

    def embedded(self, chains: Path) -> Annealer:
        """The same annealer with this file as its embedding, which was found earlier for this very layout."""
        digest = digest_regular(chains, MOST_BYTES)
        part = self.model_copy(update={"chains": GivenChains(path=str(chains), sha256=digest)})
        part._is_remembered = self.chains is None
        return part

    @property
    def afresh(self) -> Layout | None:
        """The layout for a new embedding, where earlier chains may use qubits that a QPU has lost since then."""
        if not (self._is_remembered and self.backend == "qpu"):
            return None
        layout = self.layout
        return None if layout is None else layout.model_copy(update={"chains": None})

    def check(self, n_visible: int, n_hidden: int) -> None:
        """Refuse machines that cannot be laid along the lines of the emulated topology, broken qubits aside."""
        if self.backend in ("qpu", "recorded") or self.embedding != "structure" or self.chains is not None:
            return
        here = largest_layer(self.hardware.topology, self.hardware.size)
        if max(n_visible, n_hidden) > here:
            wanted = max(n_visible, n_hidden)
            fits = [f"{name} {size}" for name, size in TODAY.items() if largest_layer(name, size) >= wanted]
            raise PartError(
                f"an RBM of {n_visible} visible and {n_hidden} hidden units does not fit on {self.hardware.topology} "
                f"{self.hardware.size}, which holds layers of at most {here}",
                f"it fits on {', '.join(fits)}" if fits else "it fits on no annealer of today; downscale the images",
            )

    def start(self, n_visible: int, n_hidden: int, seed: int, device: str = "cpu") -> NegativePhase[Any]:
        """Make the sampler for one training run.

        Raises:
            PartError: the machine does not fit on the topology, or the QPU cannot be reached.
        """
        if device != "cpu":
            raise PartError("sampler 'annealer' works on the CPU", "run with --qaml-device cpu")
        from qaml.samplers.annealer.phase import AnnealerPhase

        return AnnealerPhase(self, n_visible, n_hidden, seed)
