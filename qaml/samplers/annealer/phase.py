"""The negative phase by annealer calls: scaled, embedded, gauge-transformed, sampled, unembedded, averaged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import dimod
import numpy as np
from dwave.embedding.chain_breaks import MinimizeEnergy, discard, majority_vote
from dwave.embedding.chain_strength import uniform_torque_compensation
from dwave.preprocessing import SpinReversalTransformComposite
from dwave.system import FixedEmbeddingComposite
from numpy.typing import NDArray

from qaml.errors import PartError
from qaml.samplers.annealer.embedding.chains import Chains, couplers, embed, qubits_of
from qaml.samplers.annealer.emulator import ThermalChip, emulated, in_order
from qaml.samplers.annealer.ising import Ising, to_ising
from qaml.samplers.annealer.part import Annealer
from qaml.samplers.annealer.qpu import call_qpu, open_qpu
from qaml.samplers.annealer.tape import Answer, Tape
from qaml.samplers.annealer.temperature import Tracker, effective_beta
from qaml.samplers.base import BoltzmannParameters, Moments
from qaml.samplers.conditional import conditional_moments
from qaml.samplers.gibbs.chains import make_chains
from qaml.types import AnyArray, DoubleArray, FloatArray

Shares = tuple[DoubleArray, DoubleArray]
"""Numbers of qubits of each unit's chain (n + m,), and of couplers of each pair of units (n, m)."""


class Response(NamedTuple):
    """An answer, and the inverse temperature of its samples, in units of the RBM's."""

    answer: Answer
    effective: float


class AnnealerPhase:
    """Calls of an annealer; owns the temperature, the budget and the random streams of one training run.

    Args:
        part: the sampler's configuration.
        n_visible: number n of visible units.
        n_hidden: number m of hidden units.
        seed: seed of gauges, errors and emulated samples.

    Raises:
        PartError: the machine does not fit, or the QPU cannot be reached.
    """

    def __init__(self, part: Annealer, n_visible: int, n_hidden: int, seed: int) -> None:
        self.part = part
        self.n_visible, self.n_hidden = n_visible, n_hidden
        gauges, chip, chains = np.random.SeedSequence(seed).generate_state(3)
        self.tracker = Tracker(part.temperature)
        self.tape = Tape(part.recording)
        self.chip = None
        if part.backend not in ("qpu", "recorded"):
            self.chip = ThermalChip(part.hardware, part.backend, part.sweeps, int(chip))
        self.chains, self._shares, child = self._child(int(chains))
        self._gauges = SpinReversalTransformComposite(child, seed=int(gauges))
        self.sampler = self._gauges if self.chains is None else FixedEmbeddingComposite(self._gauges, self.chains)
        self._gibbs = make_chains(n_visible, n_hidden, (1.0,) * part.reads, seed, "cpu") if part.gibbs else None
        self._seed, self.calls = int(gauges), 0
        self.reads_used, self.qpu_seconds = 0, 0.0
        self._slowest = 0.0
        self._latest: list[Response] = []
        self._visible = np.zeros((0, n_visible), np.uint8)

    def _child(self, seed: int) -> tuple[Chains | None, Shares, dimod.Sampler]:
        """The chains, the qubits and couplers that share a field or a coupling, and the annealer, real or emulated."""
        part, layout = self.part, self.part.layout
        if layout is None:
            alone = np.ones(self.n_visible + self.n_hidden), np.ones((self.n_visible, self.n_hidden))
            return None, alone, self.chip
        child = open_qpu(part.solver) if self.chip is None else emulated(part.hardware, self.chip)
        graph = qubits_of(layout, child)
        try:
            chains = embed(self.n_visible, self.n_hidden, graph, layout, seed)
        except PartError:
            if part.afresh is None:
                raise
            chains = embed(self.n_visible, self.n_hidden, graph, part.afresh, seed)
        if self.chip is not None:
            self.chip.chains = {qubit: unit for unit, chain in chains.items() for qubit in chain}
        lengths = np.array([len(chains[unit]) for unit in range(len(chains))], np.float64)
        return chains, (lengths, couplers(chains, self.n_visible, graph)), child

    def moments(self, parameters: BoltzmannParameters[FloatArray], batch: FloatArray) -> Moments[FloatArray]:  # noqa: ARG002
        """Estimate the model's moments from one call.

        Raises:
            PartError: the budget is used up, the problem is outside the annealer's ranges, or the QPU does not answer.
        """
        response = self.call(to_ising(parameters))
        self._latest.append(response)
        self._visible = (response.answer.visible > 0).astype(np.uint8)
        visible = self._visible.astype(np.float32)
        if self._gibbs is not None:
            self._gibbs.start_from(visible)
            self._gibbs.sweep(parameters, self.part.gibbs)
            self._visible = self._gibbs.visible(len(visible))
            return self._gibbs.moments(parameters, len(visible))
        return conditional_moments(parameters, visible)

    def call(self, ising: Ising) -> Response:
        """Make one call: samples of exp(−H), as far as the annealer can draw them."""
        if self.tape.is_replayed:
            self.calls += 1
            return self._counted(self.tape.next(ising, self.n_visible, self.n_hidden), ising)
        self._check_budget()
        part, assumed = self.part, max(self.tracker.beta, self._least_divisor(ising))
        programmed = ising.scaled(1 / assumed)
        model = dimod.BinaryQuadraticModel.from_ising(programmed.linear, programmed.quadratic)
        self._gauges.rng = np.random.default_rng((self._seed, self.calls))
        if self.chip is not None:
            self.chip.calls = self.calls * max(part.spin_reversals, 1)
        self.calls += 1
        settings: dict[str, Any] = {
            "num_reads": part.reads // max(part.spin_reversals, 1),
            "num_spin_reversal_transforms": part.spin_reversals,
        }
        if self.chains is not None:
            settings |= {"chain_strength": self._strength(model), "chain_break_method": self._unembedding(model)}
            settings |= {"answer_mode": "raw"}
        if part.backend == "qpu":
            settings |= {"annealing_time": part.annealing_time, "auto_scale": False}
            found, seconds = call_qpu(self.sampler, model, settings)
        else:
            found, seconds = self.sampler.sample(model, **settings), 0.0
        return self._taken(ising, found, assumed, seconds)

    def _taken(self, ising: Ising, found: dimod.SampleSet, assumed: float, seconds: float) -> Response:
        rows = in_order(found, self.n_visible + self.n_hidden)
        spins = np.repeat(rows, found.record.num_occurrences, axis=0).astype(np.int8)
        if not len(spins):
            raise PartError("every read had a broken chain and was discarded", "use majority_vote, or stronger chains")
        visible, hidden = spins[:, : self.n_visible], spins[:, self.n_visible :]
        has_chains = "chain_break_fraction" in (found.record.dtype.names or ())
        broken = float(np.mean(found.record.chain_break_fraction)) if has_chains else 0.0
        answer = Answer(visible, hidden, broken, assumed, seconds)
        self.tape.keep(ising, answer)
        return self._counted(answer, ising)

    def _counted(self, answer: Answer, ising: Ising) -> Response:
        effective = effective_beta(ising, answer.visible, answer.hidden)
        self.tracker.observe(effective)
        self.reads_used += self.part.reads
        self.qpu_seconds += answer.qpu_seconds
        self._slowest = max(self._slowest, answer.qpu_seconds)
        return Response(answer, effective)

    def _least_divisor(self, ising: Ising) -> float:
        """The smallest divisor that makes the problem programmable; if it exceeds β, samples come too hot.

        A unit's field is shared by the qubits of its chain, and a coupling by the couplers between two chains.
        """
        fields = np.concatenate((ising.visible_fields, ising.hidden_fields))
        h_limit, j_limit, _ = self._limits
        qubits, couplers = self._shares
        largest = float(np.abs(fields / qubits).max()), float(np.abs(ising.couplings / couplers).max())
        return max(largest[0] / h_limit, largest[1] / j_limit)

    @cached_property
    def _limits(self) -> tuple[float, float, float]:
        """The largest |h|, |J| and strength of a chain; gauges turn signs, so that both must be possible."""
        if self.chip is None:
            given = self._gauges.child.properties
            h_range, j_range = given["h_range"], given.get("extended_j_range", given["j_range"])
        else:
            h_range, j_range = self.part.hardware.h_range, self.part.hardware.j_range
        h_limit, j_limit = (min(abs(low), abs(high)) for low, high in (h_range, j_range))
        return h_limit, j_limit, j_limit if self.part.spin_reversals else abs(j_range[0])

    def _strength(self, model: dimod.BinaryQuadraticModel) -> float:
        """The strength of the chains, no more than can be programmed in every gauge."""
        wanted = self.part.chain_strength
        if wanted == "torque":
            wanted = float(uniform_torque_compensation(model, prefactor=self.part.chain_prefactor)) or 1.0
        return min(wanted, self._limits[2])

    def _unembedding(self, model: dimod.BinaryQuadraticModel) -> Any:
        if self.part.unembedding == "minimise_energy":
            return MinimizeEnergy(model, self.chains)
        return discard if self.part.unembedding == "discard" else majority_vote

    def _check_budget(self) -> None:
        """Stop before a call that would exceed the budget; QPU time as the slowest call so far."""
        part = self.part
        if part.most_reads is not None and self.reads_used + part.reads > part.most_reads:
            raise PartError(
                f"the budget of {part.most_reads:,} reads is used up: {self.reads_used:,} after {self.calls:,} calls",
                "raise 'most_reads' to go on from the checkpoint",
            )
        if part.most_qpu_seconds is not None and self.qpu_seconds + self._slowest > part.most_qpu_seconds:
            raise PartError(
                f"the budget of {part.most_qpu_seconds:g} s of QPU time is used up: "
                f"{self.qpu_seconds:.2f} s after {self.calls:,} calls",
                "raise 'most_qpu_seconds' to go on from the checkpoint",
            )

    def samples(self) -> NDArray[np.uint8]:
        """The visible units behind the latest moments, (reads, n) of 0 and 1."""
        return self._visible

    def curves(self) -> dict[str, float]:
        """Averages over the calls since the last query, for the training curves."""
        latest, self._latest = self._latest, []
        if not latest:
            return {}
        return {
            "effective beta": math.fsum(r.effective for r in latest) / len(latest),
            "assumed beta": math.fsum(r.answer.assumed for r in latest) / len(latest),
            "broken chains": math.fsum(r.answer.broken for r in latest) / len(latest),
        }

    def state(self) -> Mapping[str, AnyArray]:
        """Temperature, counters and, with Gibbs sweeps, their chains."""
        numbers = {
            "beta": self.tracker.beta,
            "observed": self.tracker.calls,
            "calls": self.calls,
            "reads": self.reads_used,
            "qpu_seconds": self.qpu_seconds,
            "slowest": self._slowest,
        }
        arrays = {name: np.array(value) for name, value in numbers.items()}
        gibbs = self._gibbs.state() if self._gibbs is not None else {}
        tape = {f"tape.{name}": array for name, array in self.tape.arrays().items()}
        return arrays | tape | {f"gibbs.{name}": array for name, array in gibbs.items()}

    def recording(self) -> Mapping[str, AnyArray]:
        """Every answer so far, to be stored beside the trained weights and replayed."""
        return self.tape.arrays()

    def restore(self, state: Mapping[str, AnyArray]) -> None:
        """Continue from a ``state``."""
        self.tracker.beta, self.tracker.calls = float(state["beta"]), int(state["observed"])
        self.calls, self.reads_used = int(state["calls"]), int(state["reads"])
        self.qpu_seconds, self._slowest = float(state["qpu_seconds"]), float(state["slowest"])
        self.tape.restore({name.removeprefix("tape."): a for name, a in state.items() if name.startswith("tape.")})
        if self._gibbs is not None:
            gibbs = {name.removeprefix("gibbs."): a for name, a in state.items() if name.startswith("gibbs.")}
            self._gibbs.restore(gibbs)
