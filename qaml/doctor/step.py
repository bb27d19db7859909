"""The examination in a process of its own, which foreign code may end or hang."""

from __future__ import annotations

from qaml.doctor.chart import CHART, Chart
from qaml.doctor.datasets import examine_dataset
from qaml.doctor.models import examine_model
from qaml.doctor.patient import patient_of
from qaml.run.job import Job


def execute(job: Job) -> None:
    """Write ``chart.json``, a line at a time; the payload has a dataset, and for a model all that ``described`` has."""
    chart = Chart(job.output / CHART, lambda words: job.progress(0.0, words))
    part = job.payload.get("model")
    if part is None:
        examine_dataset(job.payload["dataset"], chart)
        return
    chart.begin("its data")
    patient = patient_of(part, job.payload["dataset"], job.payload["defences"], job.payload["inference"])
    is_timed_only = job.payload.get("is_timed_only", False)
    examine_model(patient, chart, is_taught=job.payload["is_taught"], is_timed_only=is_timed_only)
