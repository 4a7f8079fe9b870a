"""The estimate over the API, and what deploy is told."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from configs.fit.asked import GIB
from support.application import Running, engine_python_in, running_in
from support.hub.models import DEMO
from vllm_manager.configs.fit import Fit, FitRequest


@pytest.fixture
async def running(tmp_path: Path) -> AsyncGenerator[Running]:
    async with running_in(tmp_path, engine_python=engine_python_in(tmp_path)) as running:
        yield running


async def ask(running: Running, **question: Any) -> tuple[int, dict[str, Any]]:
    body = {"model": str(DEMO), **question}
    answer = await running.client.post("/api/v1/fit", json=body, headers=running.bearer)
    return answer.status_code, answer.json()


async def test_this_machine_is_asked_as_it_is_now(running: Running) -> None:
    status, report = await ask(running, resources={"gpus": 0})
    assert status == 200
    (device,) = report["devices"]
    assert device["kind"] == "cpu"
    assert device["free_bytes"] > 0
    assert device["weights_bytes"] == pytest.approx(4_069_936, rel=0.01)
    assert report["kv_bytes_per_token"] == 2 * 3 * 2 * 64 * 2


async def test_gpus_that_are_not_here_can_be_asked_about(running: Running) -> None:
    device = {"count": 2, "memory_total_bytes": 24 * GIB, "name": "A GPU"}
    status, report = await ask(running, device=device, resources={"tensor_parallel_size": 2})
    assert status == 200
    assert report["verdict"] == "fits"
    assert [(d["kind"], d["name"]) for d in report["devices"]] == [("gpu", "A GPU")] * 2


async def test_a_model_that_is_not_there_is_a_problem_of_its_own(
    running: Running, tmp_path: Path
) -> None:
    status, problem = await ask(running, model=str(tmp_path / "nothing"))
    assert status in (404, 422)
    assert problem["code"] != "does_not_fit"
    assert problem["detail"]


async def test_unknown_fields_are_refused(running: Running) -> None:
    status, problem = await ask(running, gpus=1)
    assert (status, problem["code"]) == (422, "invalid_request")


async def test_an_argument_that_the_engine_lacks_is_answered_with_the_nearest(
    running: Running,
) -> None:
    status, problem = await ask(running, arguments={"max_modl_len": 4096})
    assert (status, problem["code"]) == (422, "invalid_request")
    assert problem["errors"][0]["suggestion"] == "max_model_len"


async def test_without_a_credential_nothing_is_told(running: Running) -> None:
    answer = await running.client.post("/api/v1/fit", json={"model": str(DEMO)})
    assert answer.status_code == 401


async def test_deploy_is_told_what_can_not_fit_with_a_setting_that_does(running: Running) -> None:
    fit: Fit = running.app.state.fit
    asked = {"model": str(DEMO), "resources": {"gpus": 0}}
    question = FitRequest.model_validate(asked | {"arguments": {"kv_cache_memory_bytes": 2**50}})
    report, refusal = await fit.refusal(question)
    assert report.verdict == "does_not_fit"
    assert refusal is not None
    offered = refusal.details.remediation[0].arguments
    smaller = {"arguments": {offered["name"]: offered["value"]}}
    report, refusal = await fit.refusal(FitRequest.model_validate(asked | smaller))
    assert (report.verdict, refusal) == ("fits", None)


async def test_deploy_is_not_refused_for_a_model_that_can_not_be_read(
    running: Running, tmp_path: Path
) -> None:
    fit: Fit = running.app.state.fit
    report, refusal = await fit.refusal(FitRequest(model=str(tmp_path / "nothing")))
    assert (report.verdict, refusal) == ("unknown", None)
    assert report.unknowns
