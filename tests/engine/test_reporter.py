"""Replicas report; nobody guesses."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from support.engines import report_sink, supervised, until
from vllm_manager_engine import report
from vllm_manager_engine.log_lines import LogRing
from vllm_manager_engine.reporter import LINES_PER_REPORT, TOKEN_PATH_VARIABLE, Reporter

pytestmark = pytest.mark.integration


def reporter_of(url: str, lines: int) -> Reporter:
    """Return a reporter that has not begun, for a ring of so many lines."""
    ring = LogRing()
    for number in range(lines):
        ring.add("stderr", f"line {number}")

    def compose(_sequence: int, wanted: int) -> dict[str, Any]:
        return report.lines(ring, wanted, LINES_PER_REPORT)

    return Reporter(url, compose, lambda: 60)


async def test_a_report_is_the_whole_state() -> None:
    async with report_sink() as sink, supervised(report_url=sink.url) as supervisor:
        await supervisor.start()
        await until(lambda: sink.last.get("metrics"))
        told = sink.last
        assert set(told) == {
            "deployment", "uid", "generation", "attempt", "replica_id", "incarnation", "sequence",
            "node", "supervisor_pid", "engine_pid", "endpoint", "secret", "phase", "phase_seconds",
            "idle_seconds", "progress", "message", "timeline", "how", "how_reason", "failure",
            "max_model_len", "metrics", "histograms", "processes", "memory", "log", "log_first",
            "log_last",
        }  # fmt: skip
        assert told["phase"] == "ready"
        assert told["failure"] is None
        assert told["secret"] == supervisor.identity.secret


async def test_log_lines_are_sent_once_when_they_are_acknowledged() -> None:
    async with report_sink() as sink, supervised(report_url=sink.url) as supervisor:
        await supervisor.start()
        await until(lambda: "INFO:     Application startup complete." in sink.lines)
        await supervisor.reporter.flush(5)
        assert len(sink.lines) == len(set(sink.lines)) == supervisor.ring.next - 1


async def test_more_lines_than_one_report_holds_follow_at_once() -> None:
    async with (
        report_sink() as sink,
        supervised(report_url=sink.url, fake={"log_flood_lines": 5000}) as supervisor,
    ):
        await supervisor.start()
        await until(lambda: "INFO:     Application startup complete." in sink.lines)
        assert max(len(report["log"]) for report in sink.reports) <= 500


async def test_all_that_is_there_is_told_before_the_end() -> None:
    async with report_sink() as sink:
        reporter = reporter_of(sink.url, lines=1700)
        assert await reporter.flush(30)
        assert [len(report["log"]) for report in sink.reports] == [500, 500, 500, 200]


async def test_lines_that_can_t_be_kept_are_not_sent_without_end() -> None:
    async with report_sink() as sink:
        told: dict[str, Any] = {"log": [], "log_first": 1, "log_last": 10}
        assert await Reporter(sink.url, lambda _sequence, _wanted: told, lambda: 60).flush(30)
        assert len(sink.reports) == 1


async def test_a_report_that_is_refused_is_not_sent_again_at_the_end() -> None:
    async with report_sink(500) as sink:
        assert not await reporter_of(sink.url, lines=1700).flush(30)
        assert len(sink.tokens) == 1


async def test_the_report_token_is_read_from_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("t0ken\n")
    monkeypatch.setenv(TOKEN_PATH_VARIABLE, str(tmp_path / "token"))
    async with report_sink() as sink, supervised(report_url=sink.url) as supervisor:
        await supervisor.start()
        assert sink.tokens[0] == "Bearer t0ken"


@pytest.mark.parametrize("status", [410, 500, 401])
async def test_a_control_plane_that_refuses_does_not_stop_the_engine(status: int) -> None:
    async with report_sink(status) as sink, supervised(report_url=sink.url) as supervisor:
        await supervisor.start()
        await supervisor.check()
        await until(lambda: len(sink.tokens) > 1)


async def test_without_a_control_plane_the_engine_starts_all_the_same() -> None:
    async with supervised(report_url="http://127.0.0.1:1") as supervisor:
        await supervisor.start()
        await supervisor.check()


async def test_lines_that_were_not_taken_are_sent_again() -> None:
    async with report_sink(500) as sink, supervised(report_url=sink.url) as supervisor:
        await supervisor.start()
        sink.status = 200
        await until(lambda: sink.lines)
        assert sink.reports[0]["log"][0]["number"] == 1


async def test_reporting_ends_even_when_it_was_just_nudged() -> None:
    async with report_sink() as sink:
        reporter = Reporter(sink.url, lambda _, first: {"log": [], "log_first": first}, lambda: 60)
        reporter.start()
        await until(lambda: sink.reports)
        await asyncio.sleep(0)
        reporter.nudge()
        async with asyncio.timeout(60):
            await reporter.stop()
