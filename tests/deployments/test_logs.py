"""Engines' output on disk: each line once, in order, over restarts, crashes and full disks."""

import json
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from deployments.reported import BEGAN, line, report
from fakes.clock import FakeClock
from vllm_manager.deployments.logs import LogQuery, LogStore, as_line
from vllm_manager.deployments.logs.lines import KeptLine
from vllm_manager.deployments.reports import ReportBody, parse
from vllm_manager.deployments.schemas import LogLine
from vllm_manager.kit.errors import Problem

UID = "dep_1"


@pytest.fixture
def store(tmp_path: Path) -> LogStore:
    return LogStore(tmp_path)


def lines(first: int, last: int, **fields: object) -> ReportBody:
    return report(*(line(number) for number in range(first, last + 1)), **fields)


def numbers(found: Iterable[LogLine | KeptLine]) -> list[int]:
    return [line.number for line in found if line.stream != "gap"]


async def newest(store: LogStore, limit: int = 1000, **wanted: object) -> list[LogLine]:
    return (await store.page(UID, LogQuery(limit, **wanted)))[0]  # pyright: ignore[reportArgumentType]


async def all_pages(store: LogStore, limit: int) -> list[list[int]]:
    """Page upwards from the newest line; return the numbers of each page."""
    pages: list[list[int]] = []
    cursor = None
    while True:
        found, cursor = await store.page(UID, LogQuery(limit, before=cursor))
        pages.append(numbers(found))
        if cursor is None:
            return pages


def wire(number: int, text: str) -> dict[str, object]:
    return {"number": number, "at": "2026-01-01T12:00:00.123Z", "stream": "stdout", "text": text}


def the_file(root: Path) -> Path:
    (path,) = (root / UID).glob("*.head")
    return path


async def test_lines_are_kept_and_the_next_number_is_told(store: LogStore):
    wanted, fresh = await store.append(lines(1, 3))
    assert (wanted, numbers(fresh)) == (4, [1, 2, 3])
    kept = await newest(store)
    assert kept == [as_line(line) for line in fresh]
    assert (kept[0].text, kept[0].stream, kept[0].replica) == ("line 1", "stderr", "r1")


async def test_a_private_key_is_not_kept_though_its_lines_come_in_several_reports(
    store: LogStore, tmp_path: Path
):
    shown = ["-----BEGIN PRIVATE KEY-----", "Y2FuYXJ5Y2Fu", "-----END PRIVATE KEY-----", "loaded"]
    for number, text in enumerate(shown, start=1):
        line_of_key = line(number)
        line_of_key["text"] = text
        _, [fresh] = await store.append(report(line_of_key))
        assert "Y2Fu" not in fresh.text
    assert "Y2Fu" not in the_file(tmp_path).read_text()
    assert (await newest(store))[-1].text == "loaded"


async def test_a_line_that_is_sent_again_is_kept_once(store: LogStore):
    await store.append(lines(1, 3))
    wanted, fresh = await store.append(lines(2, 5))
    assert (wanted, numbers(fresh)) == (6, [4, 5])
    assert numbers(await newest(store)) == [1, 2, 3, 4, 5]


async def test_a_report_without_lines_tells_the_number_wanted(store: LogStore):
    await store.append(lines(1, 3))
    assert await store.append(report()) == (4, ())


async def test_what_the_replica_no_longer_holds_is_not_asked_for(store: LogStore):
    assert await store.append(report(log_first=500)) == (500, ())


async def test_after_a_restart_the_file_tells_where_to_go_on(store: LogStore, tmp_path: Path):
    await store.append(lines(1, 3))
    wanted, fresh = await LogStore(tmp_path).append(lines(1, 4))
    assert (wanted, numbers(fresh)) == (5, [4])


async def test_a_torn_last_line_is_left_out_and_asked_for_again(store: LogStore, tmp_path: Path):
    await store.append(lines(1, 3))
    path = the_file(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    again = LogStore(tmp_path)
    assert numbers(await newest(again)) == [1, 2]
    assert (await again.append(report()))[0] == 3
    await again.append(lines(3, 5))
    assert numbers(await newest(again)) == [1, 2, 3, 4, 5]


async def test_garbage_in_a_file_hides_no_line(store: LogStore, tmp_path: Path):
    await store.append(lines(1, 2))
    with the_file(tmp_path).open("ab") as file:
        file.write(b"\xff\xfe\n\n{}\nnull\n")
    await store.append(lines(3, 3))
    assert numbers(await newest(store)) == [1, 2, 3]


async def test_pages_go_upwards_and_cover_every_line_once(store: LogStore):
    await store.append(lines(1, 7))
    assert await all_pages(store, 3) == [[5, 6, 7], [2, 3, 4], [1]]


async def test_a_page_that_holds_just_all_lines_has_no_cursor(store: LogStore):
    await store.append(lines(1, 3))
    assert (await store.page(UID, LogQuery(3)))[1] is None


async def test_a_cursor_stays_in_place_while_lines_arrive(store: LogStore):
    await store.append(lines(1, 6))
    _, cursor = await store.page(UID, LogQuery(2))
    await store.append(lines(7, 9))
    assert numbers((await store.page(UID, LogQuery(2, before=cursor)))[0]) == [3, 4]


async def test_a_cursor_that_is_none_is_refused(store: LogStore):
    with pytest.raises(Problem, match="Not a cursor"):
        await store.page(UID, LogQuery(2, before="!"))


async def test_lines_of_several_replicas_and_attempts_come_in_the_order_of_time(store: LogStore):
    at = [BEGAN + timedelta(seconds=second) for second in range(6)]
    first = report(line(1, "a", at[0]), line(2, "c", at[2]))
    second = report(line(1, "b", at[1]), line(2, "d", at[3]), replica_id="r2", incarnation="2")
    third = report(line(1, "e", at[4]), attempt=2, replica_id="r3", incarnation="3")
    for body in (third, second, first):
        await store.append(body)
    assert [kept.text for kept in await newest(store)] == ["a", "b", "c", "d", "e"]
    assert [kept.text for kept in await newest(store, replica="r2")] == ["b", "d"]
    assert [kept.text for kept in await newest(store, attempt=2)] == ["e"]
    texts = [kept.text for kept in (await store.page(UID, LogQuery(2)))[0]]
    assert texts == ["d", "e"]


async def test_a_clock_that_is_set_back_hides_no_line_and_keeps_the_order(
    store: LogStore, tmp_path: Path
):
    back = BEGAN - timedelta(hours=1)
    await store.append(lines(1, 3))
    again = LogStore(tmp_path)
    await again.append(report(line(4, at=back), line(5, at=back + timedelta(seconds=1))))
    assert await all_pages(again, 2) == [[4, 5], [2, 3], [1]]
    assert (await newest(again))[3].at == back


async def test_text_is_found_whatever_its_case(store: LogStore):
    await store.append(report(line(1, "Loading weights"), line(2, "CUDA out of memory"), line(3)))
    assert numbers(await newest(store, text="Out Of Memory")) == [2]
    assert await newest(store, text="nothing such") == []


async def test_a_long_file_is_read_in_blocks_from_its_end(store: LogStore):
    text = "é" * 40_000
    await store.append(report(*(line(n, f"{n}{text}") for n in range(1, 8))))
    assert await all_pages(store, 3) == [[5, 6, 7], [2, 3, 4], [1]]
    assert (await newest(store))[0].text == f"1{text}"


async def test_a_large_file_is_rotated_and_all_parts_are_read(store: LogStore, tmp_path: Path):
    text = "x" * 60_000
    for number in range(1, 251):
        await store.append(report(line(number, text)))
    names = sorted(path.suffix for path in (tmp_path / UID).iterdir())
    assert names == [".about", ".head", ".jsonl", ".old"]
    assert [n for page in reversed(await all_pages(store, 100)) for n in page] == [*range(1, 251)]


async def test_what_makes_room_is_the_middle_and_it_is_said_how_much(store: LogStore):
    text = "x" * 60_000
    for number in range(1, 401):
        await store.append(report(line(number, text)))
    kept = await newest(store)
    (gap,) = [line for line in kept if line.stream == "gap"]
    assert numbers(kept)[:3] == [1, 2, 3]
    assert numbers(kept)[-1] == 400
    assert gap.dropped == 400 - len(numbers(kept)) > 100
    assert gap.text == f"… {gap.dropped} lines were dropped here …"


async def test_lines_that_a_replica_dropped_are_counted_and_shown(store: LogStore):
    await store.append(lines(1, 2))
    wanted, fresh = await store.append(report(line(1237), line(1238), log_first=1237))
    assert wanted == 1239
    assert [(kept.number, kept.dropped) for kept in fresh] == [
        (1236, 1234),
        (1237, None),
        (1238, None),
    ]
    assert [kept.text for kept in await newest(store)][2] == "… 1,234 lines were dropped here …"
    assert await newest(store, text="dropped") == []
    (counts,) = store.counts()
    assert (counts.deployment, counts.replica, counts.lines, counts.dropped) == (
        "demo",
        "r1",
        4,
        1234,
    )
    assert (await store.attempts(UID, ()))[0].lines_dropped == 1234


async def test_pages_over_a_gap_show_it_once(store: LogStore):
    await store.append(lines(1, 3))
    await store.append(lines(10, 12))
    cursor, shown = None, 0
    for _ in range(7):
        page, cursor = await store.page(UID, LogQuery(1, before=cursor))
        shown += page[0].stream == "gap"
    assert (shown, cursor) == (1, None)


async def test_after_a_crash_while_rotating_the_numbers_go_on(store: LogStore, tmp_path: Path):
    await store.append(lines(1, 3))
    path = the_file(tmp_path)
    path.replace(path.with_suffix(".old"))
    wanted, fresh = await LogStore(tmp_path).append(lines(1, 4))
    assert (wanted, numbers(fresh)) == (5, [4])


async def test_only_the_newest_lives_of_a_deployment_are_kept(store: LogStore, tmp_path: Path):
    for attempt in range(1, 131):
        await store.append(report(line(1), attempt=attempt, incarnation=f"life-{attempt}"))
    assert len(list((tmp_path / UID).glob("*.head"))) == 100
    assert {kept.attempt for kept in await newest(store)} == set(range(31, 131))


async def test_a_deployment_takes_no_more_than_it_may(tmp_path: Path):
    store = LogStore(tmp_path, largest_bytes=3 << 20)
    text = "x" * 60_000
    for life in range(6):
        for number in range(1, 17):
            await store.append(report(line(number, text), attempt=life + 1, incarnation=f"{life}"))
    kept = sum(path.stat().st_size for path in (tmp_path / UID).iterdir())
    assert kept <= 3 << 20
    assert {line.attempt for line in await newest(store)} <= {4, 5, 6}
    assert numbers(await newest(store, attempt=6))[0] == 1


async def test_each_try_is_listed_with_how_it_ended(tmp_path: Path):
    clock = FakeClock()
    store = LogStore(tmp_path, clock)
    failure = {"code": "out_of_memory", "detail": "No memory.", "exit_code": 1}
    node = {"hostname": "gpu-a"}
    await store.append(report(line(1), phase="loading", node=node))
    await store.append(report(line(2), phase="failed", failure=failure))
    await store.append(report(line(1), attempt=2, incarnation="2", phase="stopping"))
    await store.append(report(line(1), attempt=3, incarnation="3", phase="ready"))
    await store.append(report(line(1), attempt=4, incarnation="4", phase="ready"))
    tries = sorted(await LogStore(tmp_path).attempts(UID, {"4"}), key=lambda one: one.attempt)
    assert [one.state for one in tries] == ["failed", "stopped", "lost", "running"]
    assert (tries[0].failure and tries[0].failure.code, tries[0].lines) == ("out_of_memory", 2)
    assert tries[0].began_at == clock.now()
    assert [one.ended_at is None for one in tries] == [False, False, False, True]
    assert tries[3].size_bytes > 0


async def test_a_try_that_failed_and_was_then_taken_down_has_failed(store: LogStore):
    failure = {"code": "was_killed", "detail": "It was killed.", "signal": 9}
    await store.append(report(line(1), phase="failed", failure=failure))
    await store.append(report(line(2), phase="stopping", failure=failure))
    for heard in (set[str](), {"1"}):
        assert (await store.attempts(UID, heard))[0].state == "failed"


async def test_everything_comes_out_in_one_piece_and_in_order(store: LogStore):
    at = [BEGAN + timedelta(seconds=second) for second in range(4)]
    await store.append(report(line(1, "a", at[0]), line(3, "c", at[2])))
    other = report(line(1, "b", at[1]), replica_id="r2", incarnation="2", attempt=2)
    await store.append(other)
    text = b"".join(store.stream(UID, LogQuery(0), "text")).decode().splitlines()
    assert text == [
        "2026-01-01T12:00:00.000Z [r1 #1] a",
        "2026-01-01T12:00:01.000Z [r2 #2] b",
        "2026-01-01T12:00:02.000Z [r1 #1] … 1 line was dropped here …",
        "2026-01-01T12:00:02.000Z [r1 #1] c",
    ]
    one = b"".join(store.stream(UID, LogQuery(0, attempt=2), "jsonl"))
    assert json.loads(one)["text"] == "b"


async def test_what_a_deleted_deployment_wrote_is_found_by_its_name_and_forgotten_later(
    tmp_path: Path,
):
    clock = FakeClock()
    store = LogStore(tmp_path, clock)
    await store.append(lines(1, 2))
    assert await store.uid_of("demo") == UID
    assert await store.uid_of("other") is None
    await store.forget([], clock.now().timestamp() - time.time() + 3600)
    assert await store.uid_of("demo") == UID
    await store.forget([UID], clock.now().timestamp() - time.time() - 3600)
    assert await store.uid_of("demo") == UID
    await store.forget([], clock.now().timestamp() - time.time() - 3600)
    assert await store.uid_of("demo") is None


async def test_files_are_for_their_owner_alone(store: LogStore, tmp_path: Path):
    await store.append(lines(1, 2))
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / UID).iterdir()} == {0o600}


async def test_what_looks_like_a_secret_is_not_kept(store: LogStore):
    secret = "hf_" + "a" * 30
    told = {**report().model_dump(mode="json"), "log": [wire(1, "fine"), wire(2, f"x {secret}")]}
    _, kept = await store.append(parse(json.dumps(told).encode()))
    assert [line.text for line in kept] == ["fine", "x hf_…"]
    assert [line.text for line in await newest(store)] == ["fine", "x hf_…"]


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"log": 3}', b"\xff", b"null"])
def test_what_is_no_report_is_refused(raw: bytes):
    with pytest.raises(Problem) as refused:
        parse(raw)
    assert refused.value.details.status == 422


@pytest.mark.parametrize("line", [{"number": 1}, {"number": "x", "at": "then", "text": 3}])
def test_a_line_that_is_none_is_refused(line: dict[str, object]):
    told = {**report().model_dump(mode="json"), "log": [line]}
    with pytest.raises(Problem):
        parse(json.dumps(told).encode())


async def test_lines_that_cant_be_written_are_asked_for_again(store: LogStore, tmp_path: Path):
    (tmp_path / UID).write_text("a file is in the way")
    assert await store.append(lines(5, 7)) == (5, ())
    (tmp_path / UID).unlink()
    wanted, fresh = await store.append(lines(5, 7))
    assert (wanted, numbers(fresh)) == (8, [5, 6, 7])


async def test_lines_are_told_though_it_can_t_be_kept_how_the_try_goes(
    store: LogStore, tmp_path: Path
):
    await store.append(lines(1, 2))
    (about,) = (tmp_path / UID).glob("*.about")
    about.with_suffix(".draft").mkdir()  # in the way
    wanted, fresh = await store.append(report(line(5), log_first=5, phase="loading"))
    assert (wanted, numbers(fresh)) == (6, [5])
    assert (await store.append(report(line(6), phase="loading")))[0] == 7
    about.with_suffix(".draft").rmdir()
    await store.append(report(phase="loading"))
    (kept,) = await LogStore(tmp_path).attempts(UID, ())
    assert (kept.phase, kept.lines, kept.lines_dropped) == ("loading", 6, 2)
    assert store.counts()[0].dropped == 2


async def test_names_that_replicas_tell_stay_within_the_folder(store: LogStore, tmp_path: Path):
    evil = "../../evil"
    await store.append(report(line(1), uid=evil, replica_id=evil, incarnation=evil))
    assert [path.name for path in tmp_path.iterdir()] == ["______evil"]


async def test_of_a_deployment_that_said_nothing_there_is_an_empty_page(store: LogStore):
    assert await store.page("dep_none", LogQuery(10)) == ([], None)


async def test_what_is_known_of_old_lives_may_be_forgotten_without_harm(store: LogStore):
    await store.append(lines(1, 3))
    for number in range(1001):
        await store.append(report(incarnation=f"other-{number}"))
    assert await store.append(lines(1, 3)) == (4, ())
