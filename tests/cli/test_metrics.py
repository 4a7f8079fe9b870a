"""`metrics` and `figures`: tables with a line of signs, and what is silent is said to be so."""

import json
from typing import Any

from cli.conftest import Run
from support.rest_server import RestServer
from vllm_manager.cli.metrics import shown, sparkline

SERIES: dict[str, Any] = {
    "labels": {"deployment": "chat"},
    "points": [[60, 1.0], [120, None], [180, 4.0]],
    "highest": [1.0, None, 9.0],
    "newest_at": "2026-11-23T10:00:00Z",
    "stale_since": None,
}
ANSWER: dict[str, Any] = {
    "figure": "engine_requests_running",
    "unit": "count",
    "function": "value",
    "quantile": None,
    "from": "2026-11-23T10:00:00Z",
    "to": "2026-11-23T10:03:00Z",
    "step_seconds": 60,
    "series": [SERIES],
    "source": "memory",
    "newest_at": "2026-11-23T10:00:00Z",
    "stale_since": None,
}


def test_a_figure_is_a_line_of_signs_with_its_extremes(server: RestServer, run: Run) -> None:
    server.answer("GET /api/v1/metrics/query", ANSWER)
    done = run(
        "metrics", "engine_requests_running", "--range", "3m", "--by", "deployment", "--node", "a"
    )
    assert done.exit_code == 0, done.output
    for words in ("chat", "▃·█", "LOWEST", "9", "1 min 00 s", "memory"):
        assert words in done.stdout
    query = server.calls[0].query
    assert (query["by"], query["node"], query["range"]) == (["deployment"], ["a"], ["3m"])
    assert done.stderr == ""


def test_what_is_silent_is_said_to_be_so(server: RestServer, run: Run) -> None:
    silent = {**SERIES, "stale_since": "2026-11-23T10:00:00Z"}
    server.answer("GET /api/v1/metrics/query", {**ANSWER, "series": [silent]})
    assert "chat: silent since" in run("metrics", "engine_requests_running").stderr


def test_a_line_of_which_nothing_is_known_breaks_nothing(server: RestServer, run: Run) -> None:
    points = [[at, None] for at, _ in SERIES["points"]]
    unknown = {**SERIES, "labels": {"deployment": "gone"}, "points": points}
    unknown["highest"] = [None] * len(points)
    server.answer("GET /api/v1/metrics/query", {**ANSWER, "series": [unknown, SERIES]})
    done = run("metrics", "engine_requests_running")
    assert done.exit_code == 0, done.output
    assert "chat" in done.stdout
    assert "gone" not in done.stdout


def test_nothing_known_is_said(server: RestServer, run: Run) -> None:
    server.answer("GET /api/v1/metrics/query", {**ANSWER, "series": []})
    assert "Nothing is known" in run("metrics", "gpu_up").stdout


def test_without_a_figure_all_are_shown_as_they_are_now(server: RestServer, run: Run) -> None:
    item = {
        "figure": "node_memory_used_bytes", "function": "value", "unit": "bytes",
        "labels": {"node": "gpu-a"}, "value": 3 * 1024**3, "at": "2026-11-23T10:00:00Z",
        "age_seconds": 1.0,
    }  # fmt: skip
    server.answer("GET /api/v1/metrics/latest", {"at": "2026-11-23T10:00:00Z", "items": [item]})
    done = run("metrics")
    assert "gpu-a" in done.stdout
    assert "3.0 GiB" in done.stdout
    assert json.loads(run("metrics", "--json").stdout)["items"] == [item]


def test_figures_are_listed(server: RestServer, run: Run) -> None:
    figure = {
        "name": "gpu_up", "kind": "gauge", "unit": "count", "about": "1 while it answers.",
        "labels": ["node", "gpu"], "functions": ["value", "mean"],
    }  # fmt: skip
    server.answer("GET /api/v1/metrics/figures", {"items": [figure], "next_cursor": None})
    done = run("figures")
    assert "node, gpu" in done.stdout
    assert "1 while it answers." in done.stdout
    shown_json = json.loads(run("figures", "--json").stdout)
    assert shown_json == {"items": [figure], "next_cursor": None}


def test_a_line_of_signs_begins_at_zero() -> None:
    assert sparkline([0, 1, None, 8]) == "▁▂·█"
    assert sparkline([5, 5]) == "██"
    assert sparkline([]) == ""


def test_values_are_in_the_unit_that_people_read() -> None:
    assert [
        shown(0.0123, "seconds"), shown(2.5, "seconds"), shown(0.5, "ratio"), shown(7e5, "watts"),
        shown(1234.5, "per_second"), shown(2048, "bytes_per_second"),
    ] == ["12 ms", "2.5 s", "50.0 %", "7e+05 W", "1,234/s", "2 KiB/s"]  # fmt: skip
