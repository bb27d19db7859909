"""Every fault that the doctor can see, from the table that declares it."""

from __future__ import annotations

from typing import get_args

from qaml.doctor.faults import FAULTS, SubjectKind
from reference.markdown import code, page, prose, table


def faults_page() -> str:
    """The page: a table for each kind of entry."""
    blocks = ["How the doctor is asked: [Ask the doctor](../howto/doctor.md). A note leaves the exit code at 0."]
    for kind in get_args(SubjectKind):
        rows = [
            (code(name), fault.gravity, prose(fault.seen_if), prose(fault.remedy))
            for name, fault in FAULTS.items()
            if fault.subject == kind
        ]
        blocks += [
            f"## Of {kind}s",
            table(("name", "gravity", "seen if", "remedy, unless a better one is known"), rows),
        ]
    return page("What the doctor sees", *blocks)
