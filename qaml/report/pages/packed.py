"""A report packed for a repository: outcomes as xz, a summary, claims as CSV, pictures on sheets; no pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from qaml.files.regular import read_regular
from qaml.files.write import store_errors
from qaml.outcome.belongings import MOST_MEDIUM, PACKED, is_inside
from qaml.outcome.folder import built
from qaml.outcome.merge import load, media_names, outcomes_file, save
from qaml.report.pages.html import write_page
from qaml.report.pages.overview import claims_csv
from qaml.report.pages.publish import SUMMARY
from qaml.report.pages.sheets import cut, write_sheets
from qaml.report.text.markdown import summary


def pack(report: Path, folder: Path) -> Path:
    """Make a folder the packed form of a report, from which ``opened`` and ``publish`` make the report again.

    Args:
        report: folder of a report with pages.
        folder: the folder that is replaced in one step; files in it that qaml has not written stay.

    Returns:
        The path of the summary.

    Raises:
        StoreError: the report is damaged, or the folder cannot be written; then it is unchanged.
    """
    outcomes = load(report)
    with built(folder) as stage:
        for name in {*media_names(outcomes)} - write_sheets(outcomes, report, stage):
            (stage / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(report / name, stage / name)
        save(outcomes, stage, is_packed=True)
        write_page(stage / SUMMARY, summary(outcomes))
        write_page(stage / "claims.csv", claims_csv(outcomes))
    return folder / SUMMARY


@contextmanager
def opened(sources: Sequence[Path]) -> Iterator[list[Path]]:
    """Folders or files of outcomes, with packed ones replaced by temporary folders with their pictures.

    Raises:
        StoreError: a packed folder is damaged, or there is no space for its pictures.
    """
    with ExitStack() as stack:
        yield [_opened(source, stack) for source in sources]


def _opened(source: Path, stack: ExitStack) -> Path:
    file = outcomes_file(source)
    if file.suffix != Path(PACKED).suffix:
        return source
    outcomes = load(source)
    bare = outcomes.model_copy(update={"media": ()})
    wanted = {name for name in media_names(bare) if is_inside(name)}
    with store_errors("unpack", source, hint="see that there is space for temporary files, or name a folder in TMPDIR"):
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="qaml-", ignore_cleanup_errors=True)))
        files = ((m.path, read_regular(file.parent / m.path, MOST_MEDIUM)) for m in outcomes.media if m.path in wanted)
        for name, content in chain(files, cut(outcomes, file.parent)):
            if name in wanted:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
        save(bare, folder)
    return folder
