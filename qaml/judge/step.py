"""Judge one claim from the artefacts of its steps.

The outcome is an artefact, so a cached run judges nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qaml.judge.evidence import StoreSource
from qaml.judge.judge import judge
from qaml.outcome.drawings import CircuitDrawing, EmbeddingDrawing, Picture, Portrait, Strip
from qaml.outcome.outcome import ARTEFACT, Outcome, Provenance
from qaml.plan.role import Role
from qaml.run.job import Job

if TYPE_CHECKING:
    from qaml.plan.judged import JudgedClaim


def execute(job: Job) -> None:
    """Write ``outcome.json``; provenance, replay and pictures are completed when the report is assembled."""
    claim: JudgedClaim = job.payload["claim"]
    entry = claim.entry
    source = StoreSource(job.parents, job.read, claim.attacks, claim.reported, claim.detectors, claim.surrogates)
    judgement = judge(entry, source, claim.reported, claim.profile, claim.assumed)
    notes = (*judgement.notes, *_counted(source), *_not_drawn(job.missing))
    judgement = judgement._replace(notes=notes)
    outcome = Outcome(
        suite=claim.suite,
        id=entry.id,
        case=entry.case,
        statement=entry.statement,
        kind=entry.part.kind,
        profile=claim.profile,
        expected=entry.expected.verdict,
        expected_findings=entry.expected.findings,
        because=entry.expected.because,
        paper_says=entry.paper_says,
        setting=dict(claim.setting),
        caveats=dict(claim.caveats),
        assumed=dict(claim.assumed),
        strips=_strips(source, job.parents),
        portraits=_portraits(source),
        circuits=_circuits(source),
        embeddings=_embeddings(source, job.parents),
        provenance=Provenance(
            artefacts={str(role): key for role, key in job.parents.items()},
            versions={},
            data={},
            seeds=Counter(role.model for role in job.parents if role.kind == "train"),
        ),
        spec_file=claim.file,
        spec_line=entry.line,
        spec_yaml=entry.yaml,
        replay="",
        **judgement._asdict() | {"notes": (*judgement.notes, *map(_unseen, claim.unseen))},
    )
    (job.output / ARTEFACT).write_text(outcome.model_dump_json(indent=1))


def _unseen(remark: str) -> str:
    return f"{remark}: results are kept by what is declared of it in 'reads', and do not notice other changes"


def _counted(source: StoreSource) -> Iterator[str]:
    """Notes on what was asked of devices: how much, what it cost, and what was asked twice."""
    for (model, attack), circuits in source.asked_devices().items():
        yield f"{attack} asked the device of {model} itself, with {circuits:,} circuits"
    for model, evaluations in source.counted().items():
        jobs = [each for one in evaluations for each in one["jobs"]]
        charged, cost = (sum(one[what] for one in evaluations) for what in ("spent", "cost"))
        first = evaluations[0]
        said = [
            f"{model} was measured on {first['device']} ({first['software']}): {len(jobs):,} jobs, {charged:,} shots "
            f"charged"
        ]
        said += [f"cost {cost:,.2f} {first['currency']}".rstrip()] if cost else []
        said += [f"{n} jobs asked again after an interruption" for n in [sum(e["again"] for e in evaluations)] if n]
        said += [f"{n} jobs fetched by their ids" for n in [sum(one["fetched"] for one in evaluations)] if n]
        yield ", ".join(said)
        yield from (f"{model}: {remark}" for remark in sorted({text for one in evaluations for text in one["remarks"]}))


def _not_drawn(missing: Mapping[Role, str]) -> Iterator[str]:
    """Notes on drawings that the report lacks, with the reason of each."""
    for role, reason in missing.items():
        what = "pictures" if role.kind == "picture" else "portrait"
        yield f"the {what} of {role.model} under {role.attack} could not be made: {reason}"


def _strips(source: StoreSource, parents: Mapping[Role, str]) -> tuple[Strip, ...]:
    strips = []
    for role, content in source.drawn("picture", "strip.json").items():
        traits = source.traits(role.attack)
        pictures = tuple(_picture(parents[role], picture, traits.norm) for picture in content["pictures"])
        strips.append(
            Strip(
                model=role.model,
                attack=role.attack,
                epsilon=float(content["epsilon"]),
                caption=_caption(role.model, traits.surrogate, pictures),
                pictures=pictures,
                surrogate=traits.surrogate,
                probabilities=content.get("probabilities"),
            )
        )
    return tuple(strips)


def _portraits(source: StoreSource) -> tuple[Portrait, ...]:
    found = []
    for role, content in source.drawn("portrait", "portrait.json").items():
        if content["scatters"]:
            named = {"model": role.model, "attack": role.attack, "surrogate": source.traits(role.attack).surrogate}
            found.append(Portrait.model_validate(_without(content, "circuit") | named))
    return tuple(found)


def _circuits(source: StoreSource) -> tuple[CircuitDrawing, ...]:
    """The circuit of each model, once."""
    drawn = source.drawn("portrait", "portrait.json").items()
    circuits = {role.model: content["circuit"] for role, content in drawn if content["circuit"]}
    return tuple(CircuitDrawing.model_validate({"model": model, **content}) for model, content in circuits.items())


def _embeddings(source: StoreSource, parents: Mapping[Role, str]) -> tuple[EmbeddingDrawing, ...]:
    """The embedding of each model; its picture is named by the artefact until the report copies it."""
    return tuple(
        EmbeddingDrawing(model=role.model, file=f"{parents[role]}/embedding.svg", **_without(content, "chains"))
        for role, content in source.drawn("embed", "embedding.json").items()
    )


def _without(content: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name not in names}


def _caption(model: str, surrogate: str | None, pictures: Sequence[Picture]) -> str:
    missed = sum(p.clean_label != p.true_label for p in pictures)
    fooled = sum(p.clean_label == p.true_label != p.adversarial_label for p in pictures)
    beside = f"; {missed} {'is' if missed == 1 else 'are'} answered wrongly without an attack" if missed else ""
    made_on = f" The perturbations were made on {surrogate}, not on {model}." if surrogate else ""
    return f"{fooled} of these {len(pictures)} images fool {model}, trained with the first seed{beside}.{made_on}"


def _picture(key: str, content: Mapping[str, Any], norm: str) -> Picture:
    """A picture whose files are named by the artefact until the report copies them."""
    files = (f"{key}/{name}" for name in content["files"])
    named = dict(zip(("clean", "adversarial", "perturbation"), files, strict=True), norm=content[norm])
    return Picture.model_validate(_without(content, "files", "linf", "l2") | named)
