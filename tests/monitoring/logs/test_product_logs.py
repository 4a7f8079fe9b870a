"""The product's log: every process's lines and the engines', read as one."""

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deployments.reported import line, report
from vllm_manager.deployments.logs import LogStore
from vllm_manager.kit.errors import Problem
from vllm_manager.kit.ids import new_id
from vllm_manager.monitoring.logs import EntryQuery, LogEntry, ProductLogs
from vllm_manager.monitoring.logs.query import made_at

pytestmark = pytest.mark.integration

BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)


def told(second: float, message: str, level: str = "info", **more: Any) -> dict[str, Any]:
    at = (BEGAN + timedelta(seconds=second)).isoformat(timespec="milliseconds")
    return {"time": at.replace("+00:00", "Z"), "level": level, "message": message, "pid": 7, **more}


def write(path: Path, *lines: dict[str, Any] | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        for one in lines:
            file.write((one if isinstance(one, str) else json.dumps(one)) + "\n")


@pytest.fixture
def logs(tmp_path: Path) -> ProductLogs:
    write(
        tmp_path / "gateway.log.1",
        told(0, "oldest", process="gateway"),
        told(1, "older", "warning", process="gateway"),
    )
    write(
        tmp_path / "gateway.log",
        told(4, "relayed", process="gateway", request_id="req_a", status=200),
        told(6, "newest", "error", process="gateway"),
    )
    write(
        tmp_path / "control-plane.log",
        told(3, "it began", "debug", process="control-plane", request_id="req_a"),
        "Traceback (most recent call last):",
        told(5, "in a page", "warning", process="browser", request_id="req_a", exception="at x"),
    )
    return ProductLogs(tmp_path)


def all_of(logs: ProductLogs, limit: int = 100, **wanted: Any) -> Sequence[LogEntry]:
    """Return every entry, page by page, newest first."""
    entries: list[LogEntry] = []
    cursor = None
    while True:
        page = logs.page(EntryQuery(limit=limit, **wanted), cursor)
        assert len(page.items) <= limit
        entries += page.items
        cursor = page.next_cursor
        if cursor is None:
            return entries


def messages(entries: Sequence[LogEntry]) -> list[str]:
    return [entry.message for entry in entries]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_all_processes_come_in_one_order_and_each_line_once(logs: ProductLogs, limit: int) -> None:
    entries = all_of(logs, limit)
    assert messages(entries) == [
        "newest",
        "in a page",
        "Traceback (most recent call last):",
        "relayed",
        "it began",
        "older",
        "oldest",
    ]
    assert len({entry.id for entry in entries}) == len(entries)


def test_a_line_keeps_what_else_it_says(logs: ProductLogs) -> None:
    (relayed,) = all_of(logs, text="relayed")
    assert relayed.model_dump(exclude={"id", "time"}, exclude_none=True) == {
        "level": "info",
        "process": "gateway",
        "pid": 7,
        "message": "relayed",
        "request_id": "req_a",
        "fields": {"status": 200},
    }


def test_lines_are_chosen_by_process_level_text_time_and_request(logs: ProductLogs) -> None:
    assert messages(all_of(logs, processes=frozenset({"browser"}))) == ["in a page"]
    assert messages(all_of(logs, level="warning")) == ["newest", "in a page", "older"]
    assert messages(all_of(logs, text="OLDE")) == ["older", "oldest"]
    assert messages(all_of(logs, text="at x")) == ["in a page"]
    span: dict[str, Any] = {
        "since": BEGAN + timedelta(seconds=1),
        "until": BEGAN + timedelta(seconds=4),
    }
    assert messages(all_of(logs, **span)) == ["it began", "older"]
    assert messages(all_of(logs, request_id="req_a")) == ["in a page", "relayed", "it began"]
    assert all_of(logs, text="nothing such") == []


def test_a_page_below_stays_in_place_while_lines_come(logs: ProductLogs, tmp_path: Path) -> None:
    first = logs.page(EntryQuery(limit=2))
    write(tmp_path / "gateway.log", told(9, "newer still", process="gateway"))
    (tmp_path / "gateway.log").rename(tmp_path / "gateway.log.2")
    (tmp_path / "gateway.log.1").rename(tmp_path / "gateway.log.3")
    (tmp_path / "gateway.log.2").rename(tmp_path / "gateway.log.1")
    (tmp_path / "gateway.log.3").rename(tmp_path / "gateway.log.2")
    below = logs.page(EntryQuery(limit=2), first.next_cursor)
    assert messages(below.items) == ["Traceback (most recent call last):", "relayed"]


def test_a_cursor_that_is_none_is_refused(logs: ProductLogs) -> None:
    with pytest.raises(Problem):
        logs.page(EntryQuery(), "!")


def test_a_home_without_logs_has_none(tmp_path: Path) -> None:
    assert all_of(ProductLogs(tmp_path / "nowhere")) == []


def test_reading_for_one_page_has_bounds(logs: ProductLogs, tmp_path: Path) -> None:
    many = [told(n / 1e6, "x" * 10, process="steward") for n in range(1000)] * 450
    write(tmp_path / "steward.log", "\n".join(json.dumps(one) for one in many))
    page = logs.page(EntryQuery(text="oldest"))
    assert (page.items, page.next_cursor is None) == ([], False)
    assert messages(all_of(logs, text="oldest")) == ["oldest"]


def test_below_many_newer_lines_pages_are_whole_again(logs: ProductLogs, tmp_path: Path) -> None:
    many = [told(10 + n / 1e6, "x" * 10, process="steward") for n in range(1000)] * 450
    write(tmp_path / "steward.log", "\n".join(json.dumps(one) for one in many))
    first = logs.page(EntryQuery(text="olde"))
    assert first.items == []
    second = logs.page(EntryQuery(text="olde"), first.next_cursor)
    assert (messages(second.items), second.next_cursor) == (["older", "oldest"], None)


async def test_one_request_is_followed_through_every_process(tmp_path: Path) -> None:
    request_id = new_id("req")
    at = made_at(request_id)
    assert at is not None
    moment = [at + timedelta(milliseconds=n) for n in range(4)]
    for process, number in (("gateway", 0), ("control-plane", 1)):
        one = {"time": moment[number].isoformat(), "process": process, "request_id": request_id}
        write(tmp_path / f"{process}.log", {**one, "message": process})
    store = LogStore(tmp_path / "engines")
    engine = f"(APIServer pid=1) INFO 01-01 12:00:00 Received request chatcmpl-{request_id}: x"
    await store.append(report(line(1, "another", moment[2]), line(2, engine, moment[2])))
    last = {"time": moment[3].isoformat(), "process": "gateway", "message": f"done {request_id}"}
    write(tmp_path / "gateway.log", last)
    touched = moment[-1].timestamp() + 1  # a file is never older than its last line
    for process in ("gateway", "control-plane"):
        os.utime(tmp_path / f"{process}.log", (touched, touched))
    logs = ProductLogs(tmp_path)
    entries = all_of(logs, limit=2, request_id=request_id)
    assert [entry.process for entry in reversed(entries)] == [
        "gateway",
        "control-plane",
        "engine",
        "gateway",
    ]
    assert (entries[1].deployment, entries[1].replica, entries[1].level) == ("demo", "r1", "info")
    assert entries[1].request_id == request_id
    text = b"".join(logs.stream(EntryQuery(request_id=request_id), "text")).decode().splitlines()
    assert [one.split(": ")[0].split()[-1] for one in text] == [
        "gateway",
        "control-plane",
        "engine",
        "gateway",
    ]


async def test_engines_come_where_they_are_asked_for(tmp_path: Path) -> None:
    await LogStore(tmp_path / "engines").append(report(line(1, "ERROR bad"), line(2, "fine")))
    write(tmp_path / "gateway.log", told(0, "own", process="gateway", deployment="demo"))
    logs = ProductLogs(tmp_path)
    assert messages(all_of(logs)) == ["own"]
    assert messages(all_of(logs, deployment="demo")) == ["fine", "ERROR bad", "own"]
    assert messages(all_of(logs, deployment="demo", level="error")) == ["ERROR bad"]
    assert messages(all_of(logs, processes=frozenset({"engine"}))) == ["fine", "ERROR bad"]
    assert all_of(logs, deployment="other") == []


def test_everything_comes_out_oldest_first(logs: ProductLogs) -> None:
    raw = b"".join(logs.stream(EntryQuery(level="warning"), "jsonl")).splitlines()
    assert [json.loads(one)["message"] for one in raw] == ["older", "in a page", "newest"]
    text = b"".join(logs.stream(EntryQuery(), "text")).decode().splitlines()
    assert text[0] == "2026-01-01T12:00:00.000Z INFO    gateway: oldest"
    assert "[request_id=req_a]" in text[2]


def test_ray_s_own_lines_have_their_time(tmp_path: Path) -> None:
    write(tmp_path / "ray.log", "2026-01-01 12:00:00,123\tINFO up", "bare")
    entries = all_of(ProductLogs(tmp_path))
    assert messages(entries) == ["bare", "2026-01-01 12:00:00,123\tINFO up"]
    assert entries[1].time.minute == 0


def test_an_id_says_when_it_was_made() -> None:
    made = made_at(new_id("req"))
    assert made is not None
    assert abs((datetime.now(UTC) - made).total_seconds()) < 60
    assert made_at("req_a") is None
    assert made_at("somebody's own") is None
