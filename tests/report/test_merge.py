from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaml.errors import StoreError
from qaml.files.checksum import seal, unseal
from qaml.outcome.history import with_earlier
from qaml.outcome.merge import _digest, load, merge, merge_folders, save, too_large
from qaml.outcome.outcome import Failure, Media, Outcomes
from qaml.report.pages.publish import publish
from tests.report.sample import REGRESSION, past, sample, write_media


def shard(claims: slice, **fields: object) -> Outcomes:
    whole = sample()
    return whole.model_copy(update={"outcomes": whole.outcomes[claims], "failures": (), **fields})


def test_what_is_saved_is_read_back_equal(tmp_path: Path) -> None:
    write_media(tmp_path)
    file = save(sample(), tmp_path)
    read = load(tmp_path)
    assert load(file).model_dump_json() == read.model_dump_json()
    assert read.model_copy(update={"media": ()}).model_dump_json() == sample().model_dump_json()
    assert len(read.media) == 18


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_damaged_media_are_noticed(tmp_path: Path, damage: str) -> None:
    write_media(tmp_path)
    save(sample(), tmp_path)
    picture = tmp_path / "media" / "clean-0.png"
    if damage == "changed":
        picture.write_bytes(picture.read_bytes()[:-1])
        wanted = r"media/clean-0.png changed since"
    else:
        picture.unlink()
        wanted = r"clean-0.png cannot be read"
    with pytest.raises(StoreError, match=wanted):
        load(tmp_path)


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "", "a/../../b"])
def test_media_outside_the_folder_are_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "outcomes.json").write_text(
        seal(shard(slice(0), media=(Media(path=path, sha256="0"),)).model_dump_json()), encoding="utf-8"
    )
    with pytest.raises(StoreError, match="not inside the report's folder"):
        load(tmp_path)


def test_saving_without_the_pictures_is_refused_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        save(sample(), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "reason"),
    [("none.json", "No such file"), (300 * "x", "File name too long"), ("file/x", "Not a directory")],
)
def test_a_path_that_leads_nowhere_is_a_clear_error(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "file").touch()
    for read in (load, lambda path: merge_folders([path])):
        with pytest.raises(StoreError, match=f"cannot read .*{name[-100:]}: {reason}"):
            read(tmp_path / name)


def test_a_medium_is_read_once_however_often_it_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_media(tmp_path)
    save(sample(), tmp_path)
    media = load(tmp_path).media
    content = shard(slice(0), media=media * 100, schema_version=2).model_dump_json()
    (tmp_path / "outcomes.json").write_text(seal(content))
    read: list[str] = []

    def noted(folder: Path, name: str) -> str:
        read.append(name)
        return _digest(folder, name)

    monkeypatch.setattr("qaml.outcome.merge._digest", noted)
    load(tmp_path)
    assert read == [medium.path for medium in media]


def test_outcomes_of_too_many_claims_are_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_media(tmp_path)
    save(sample(), tmp_path)
    assert not too_large(tmp_path)
    for limit, unit in (("qaml.outcome.record.MOST_VALUES", "values"), ("qaml.outcome.merge.MOST_BYTES", "bytes")):
        monkeypatch.setattr(limit, 10)
        with pytest.raises(StoreError, match=rf"outcomes\.json is too large: expected at most 10 {unit}") as caught:
            load(tmp_path)
        assert "fewer claims" in caught.value.hint
        assert f"too large: expected at most 10 {unit}" in too_large(tmp_path)


@pytest.mark.parametrize("place", ['"outcomes": [\n  {', '"created": '])
def test_unknown_keys_are_counted_before_each_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr("qaml.outcome.record._MOST_UNKNOWN", 0)
    write_media(tmp_path)
    sound = save(sample(), tmp_path).read_bytes()
    load(tmp_path)
    plain = unseal(sound)[0].decode()
    unknown = ", ".join(f'"key {n}" : {n}' for n in range(30)) + ", "
    assert place in plain
    at = plain.index(place) + (len(place) if place.endswith("{") else 0)
    (tmp_path / "outcomes.json").write_text(seal(plain[:at] + unknown + plain[at:]), "utf-8")
    with pytest.raises(StoreError, match=r"outcomes\.json is damaged: 30 unknown keys"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"verdict": "refuted"', '"verdict": "supported"'),
        ("0.307", "0.907"),
        ('"checksum"', '"checksun"'),
        ('"schema_version": 3', '"schema_version": 1'),
        ("kehoe2021", "kehoe2022"),
    ],
)
def test_edited_outcomes_are_noticed(tmp_path: Path, before: str, after: str) -> None:
    write_media(tmp_path)
    file = save(sample(), tmp_path)
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(StoreError, match=r"edited|damaged"):
        load(tmp_path)


def test_a_checksum_that_was_taken_out_is_missed_and_line_ends_do_not_matter(tmp_path: Path) -> None:
    write_media(tmp_path)
    file = save(sample(), tmp_path)
    content = file.read_bytes()
    file.write_bytes(content.replace(b"\n", b"\r\n"))
    assert load(tmp_path).outcomes
    first, second, *rest = content.splitlines(keepends=True)
    assert b"checksum" in second
    file.write_bytes(b"".join((first, *rest)))
    with pytest.raises(StoreError, match="its checksum is missing"):
        load(tmp_path)


def test_a_flipped_bit_is_noticed_wherever_it_is(tmp_path: Path) -> None:
    save(shard(slice(0), media=()), tmp_path)
    content = (tmp_path / "outcomes.json").read_bytes()
    for position in range(0, len(content) * 8, len(content) // 20 + 1):
        damaged = bytearray(content)
        damaged[position // 8] ^= 1 << position % 8
        (tmp_path / "outcomes.json").write_bytes(damaged)
        with pytest.raises(StoreError):
            load(tmp_path)


def test_a_wrong_field_is_named(tmp_path: Path) -> None:
    content = json.loads(shard(slice(1)).model_dump_json())
    content["outcomes"][0]["verdict"] = "maybe"
    (tmp_path / "outcomes.json").write_text(seal(json.dumps(content, indent=1)))
    with pytest.raises(StoreError, match=r"is damaged: outcomes\.0\.verdict"):
        load(tmp_path)


@given(st.binary(max_size=80) | st.sampled_from([b"[]", b"{}", b"null", b"[" * 100_000, b'{"schema_version": true}']))
def test_any_bytes_are_an_error_and_never_a_traceback(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "outcomes.json").write_bytes(content)
    with pytest.raises(StoreError):
        load(folder)


def test_a_truncated_file_is_an_error(tmp_path: Path) -> None:
    text = shard(slice(3)).model_dump_json().encode()
    for cut in range(1, len(text), len(text) // 40):
        (tmp_path / "outcomes.json").write_bytes(text[:-cut])
        with pytest.raises(StoreError):
            load(tmp_path)


def test_the_later_answer_about_a_claim_stays() -> None:
    first, second = shard(slice(0, 3), seconds=10.0), shard(slice(2, 5), seconds=5.0, created="2026-11-21T00:00:00Z")
    changed = second.outcomes[0].model_copy(update={"verdict": "inconclusive"})
    second = second.model_copy(update={"outcomes": (changed, *second.outcomes[1:])})
    merged = merge([first, second])
    assert [o.id for o in merged.outcomes] == [o.id for o in sample().outcomes[:5]]
    assert merged.outcomes[2].verdict == "inconclusive"
    assert (merged.seconds, merged.created) == (15.0, "2026-11-21T00:00:00Z")


def test_an_error_and_a_verdict_replace_each_other() -> None:
    claim = sample().outcomes[0]
    failed = shard(slice(0), failures=(Failure(suite=claim.suite, id=claim.id, message="out of memory"),))
    judged = shard(slice(1))
    later_judged, later_failed = merge([failed, judged]), merge([judged, failed])
    assert (len(later_judged.outcomes), len(later_judged.failures)) == (1, 0)
    assert (len(later_failed.outcomes), len(later_failed.failures)) == (0, 1)
    unreached = failed.model_copy(update={"failures": (failed.failures[0].model_copy(update={"is_reached": False}),)})
    both_ways = merge([unreached, judged]), merge([judged, unreached])
    assert [(len(each.outcomes), len(each.failures)) for each in both_ways] == [(1, 0), (1, 0)]
    assert len(merge([unreached]).failures) == 1


def test_tables_are_filled_from_every_shard() -> None:
    info = sample().suites[0]
    (table,) = info.tables
    halves = []
    for parity in (0, 1):
        cells = tuple(c if i % 2 == parity else c.model_copy(update={"ours": None}) for i, c in enumerate(table.cells))
        part = info.model_copy(update={"tables": (table.model_copy(update={"cells": cells}),)})
        halves.append(shard(slice(1), suites=(part,)))
    assert merge(halves).suites == (info,)


def test_different_profiles_are_not_merged() -> None:
    with pytest.raises(StoreError, match="different profiles: quick, standard"):
        merge([shard(slice(1)), shard(slice(1), profile="quick")])
    with pytest.raises(StoreError, match="no outcomes to merge"):
        merge([])


def test_two_different_files_under_one_path_are_not_merged() -> None:
    path = "media/clean-0.png"
    one, other = (shard(slice(1), media=(Media(path=path, sha256=digest),)) for digest in ("a", "b"))
    with pytest.raises(StoreError, match=f"different files under {path}"):
        merge([one, other])


def test_folders_are_merged_with_the_pictures_that_are_still_shown(tmp_path: Path) -> None:
    for name, claims in (("one", slice(0, 2)), ("two", slice(2, 4))):
        write_media(tmp_path / name)
        save(shard(claims), tmp_path / name)
    merged, pictures = merge_folders([tmp_path / "one", tmp_path / "two" / "outcomes.json"])
    assert len(merged.outcomes) == 4
    assert len(pictures) == 18
    publish(merged, tmp_path / "whole", pictures)
    assert load(tmp_path / "whole").model_dump_json() == merged.model_dump_json()


def test_the_summary_is_that_of_the_shard_with_most_claims() -> None:
    whole = sample()
    (suite, *_) = whole.suites
    part = whole.model_copy(
        update={
            "outcomes": whole.outcomes[:1],
            "suites": (suite.model_copy(update={"summary": "–", "title": "newer"}),),
            "media": (),
        }
    )
    for shards in ([whole, part], [part, whole]):
        (merged, *_) = merge(shards).suites
        assert merged.summary == suite.summary
    assert merge([whole, part]).suites[0].title == "newer"


def test_earlier_runs_are_put_together() -> None:
    first, second = shard(slice(0, 5)), shard(slice(5, None), created="2026-11-20T15:00:00Z")
    whole = [past(sample(), days_ago) for days_ago in (2, 1)]
    first, second = (
        with_earlier(first, whole[:1]),
        with_earlier(
            second,
            [
                *whole,
                past(first, 0).model_copy(
                    update={"created": first.created, "verdicts": {second.outcomes[0].node: "refuted"}}
                ),
            ],
        ),
    )
    merged = merge([first, second])
    assert [p.created for p in merged.earlier] == [p.created for p in whole]
    assert merged.earlier[0].cells.keys() == whole[0].cells.keys()
    assert merge([merged]).earlier == merged.earlier


def test_cells_of_one_baseline_are_put_together() -> None:
    gone = REGRESSION.changes[0].model_copy(update={"status": "vanished", "after": None})
    first = shard(slice(0, 5), regression=REGRESSION)
    second = shard(slice(5, None), regression=REGRESSION.model_copy(update={"changes": (gone,)}))
    merged = merge([first, second]).regression
    assert merged is not None
    assert merged.level == pytest.approx(0.02)  # each may be wrong
    assert [c.status for c in merged.changes] == ["worse", "not comparable", "vanished", "new"]
    assert merge([first.model_copy(update={"regression": None})]).regression is None
    other = REGRESSION.model_copy(update={"created": "2020-01-01", "changes": REGRESSION.changes[:1]})
    alone = merge([first, second.model_copy(update={"regression": other})]).regression
    assert alone is not None
    assert len(alone.changes) == 1
