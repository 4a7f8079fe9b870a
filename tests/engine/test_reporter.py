"""Replicas report; nobody guesses."""

import asyncio
from pathlib import Path

import pytest

from support.engines import report_sink, supervised, until
from vllm_manager_engine.reporter import TOKEN_PATH_VARIABLE, Reporter


async def test_a_report_is_the_whole_state() -> None:
    async with report_sink() as sink, supervised(report_url=sink.url) as supervisor:
        await supervisor.start()
        await until(lambda: sink.last.get("metrics"))
        report = sink.last
        assert set(report) == {
            "deployment", "uid", "generation", "attempt", "replica_id", "incarnation", "sequence",
            "node", "supervisor_pid", "engine_pid", "endpoint", "secret", "phase", "phase_seconds",
            "idle_seconds", "progress", "message", "timeline", "how", "how_reason", "failure",
            "metrics", "histograms", "memory", "log", "log_first", "log_last",
        }  # fmt: skip
        assert report["phase"] == "ready"
        assert report["failure"] is None
        assert report["secret"] == supervisor.identity.secret


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
