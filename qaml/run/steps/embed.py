"""Embed an RBM on an annealer's qubits, once for all training runs and models that need the same chains."""

from __future__ import annotations

import json

from qaml.run.job import Job
from qaml.samplers.annealer.embedding.chains import embed, name_of, qubits_of, size_of
from qaml.samplers.annealer.embedding.drawing import draw
from qaml.samplers.annealer.part import Layout
from qaml.samplers.annealer.qpu import open_qpu


def execute(job: Job) -> None:
    """Write ``embedding.json`` with the chains and their sizes, and the drawing ``embedding.svg``."""
    layout: Layout = job.payload["layout"]
    n_visible, n_hidden = job.payload["n_visible"], job.payload["n_hidden"]
    graph = qubits_of(layout, open_qpu(layout.solver) if layout.topology is None else None)
    chains = embed(n_visible, n_hidden, graph, layout, job.seed % 2**31)
    content = {
        "n_visible": n_visible,
        "n_hidden": n_hidden,
        "graph": name_of(graph),
        "n_broken": len(layout.broken_qubits),
        **size_of(chains)._asdict(),
        "chains": {str(unit): list(chain) for unit, chain in chains.items()},
    }
    (job.output / "embedding.json").write_text(json.dumps(content))
    title = f"{n_visible} × {n_hidden} units on {name_of(graph)}"
    (job.output / "embedding.svg").write_text(draw(chains, n_visible, graph, title))
