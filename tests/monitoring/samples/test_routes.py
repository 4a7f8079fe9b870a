"""Figures over the API: listed, asked for, and told as they are now."""

from pathlib import Path
from typing import Any

import pytest

from downloads.room import until
from support.application import Running, running_in
from vllm_manager.monitoring.samples import FIGURES

pytestmark = pytest.mark.integration

PATH = "/api/v1/metrics"
EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


async def get(running: Running, path: str, **query: Any) -> tuple[int, dict[str, Any]]:
    answer = await running.client.get(f"{PATH}{path}", params=query, headers=running.bearer)
    return answer.status_code, answer.json()


async def test_figures_are_listed_with_their_units(tmp_path: Path) -> None:
    async with running_in(tmp_path) as running:
        status, body = await get(running, "/figures")
    assert status == 200
    found = {figure["name"]: figure for figure in body["items"]}
    assert list(found) == [figure.name for figure in FIGURES]
    units = {name: figure["unit"] for name, figure in found.items()}
    assert units["gpu_power_watts"] == "watts"
    assert units["node_disk_read_bytes_total"] == "bytes"
    assert units["engine_requests_running"] == "count"
    assert units["engine_kv_cache_usage_ratio"] == "ratio"


async def test_this_control_plane_is_measured_within_seconds(tmp_path: Path) -> None:
    async with running_in(tmp_path) as running:
        found: list[dict[str, Any]] = []

        async def is_told() -> bool:
            found[:] = (await get(running, "/latest", figure="process_threads"))[1]["items"]
            return bool(found)

        await until(is_told)
    assert found[0]["labels"]["process"] == "control-plane"


async def test_a_question_is_answered_with_its_grid(tmp_path: Path) -> None:
    async with running_in(tmp_path) as running:
        status, body = await get(
            running, "/query", figure="process_threads", range="2m", points=60, by=""
        )
    assert status == 200
    assert (body["figure"], body["unit"], body["step_seconds"]) == ("process_threads", "count", 2)
    assert str(body["from"]).endswith("Z")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"figure": "nothing"}, 404, "figure_not_found"),
        ({"figure": "gpu_up", "points": 0}, 422, "invalid_request"),
        ({"figure": "gpu_up", "range": "-1h"}, 422, "invalid_request"),
        ({"figure": "gpu_up", "range": "1h", "from": EARLY}, 422, "invalid_request"),
        ({"figure": "gpu_up", "to": EARLY, "from": LATE}, 422, "invalid_request"),
        ({"figure": "gpu_up", "quantile": 2}, 422, "invalid_request"),
        ({"figure": "gpu_up", "by": "deployment"}, 422, "invalid_request"),
        ({"figure": "gpu_up", "to": "9999-12-31T23:59:59Z"}, 422, "invalid_request"),
        ({"figure": "gpu_up", "to": "0001-01-01T00:00:00Z"}, 422, "invalid_request"),
        ({"figure": "gpu_up", "from": "0001-01-01T00:00:00Z"}, 422, "invalid_request"),
        ({"figure": "gpu_up", "to": "1970-01-01T00:00:00Z"}, 200, None),
        ({"figure": "gpu_up", "to": "2199-12-31T23:59:59Z"}, 200, None),
        ({}, 422, "invalid_request"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_refused(
    tmp_path: Path, query: dict[str, Any], status: int, code: str | None
) -> None:
    async with running_in(tmp_path) as running:
        found, body = await get(running, "/query", **query)
    assert (found, body.get("code")) == (status, code)


async def test_nobody_without_credentials_reads_it(tmp_path: Path) -> None:
    async with running_in(tmp_path) as running:
        for path in ("/figures", "/query?figure=gpu_up", "/latest"):
            assert (await running.client.get(PATH + path)).status_code == 401
