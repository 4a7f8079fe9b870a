"""The adapter of Ray Serve: launches become applications, and what Serve says is read back."""

from typing import Any

import pytest

from support.http_server import Exchange, HttpServer
from vllm_manager.cluster import RayRest
from vllm_manager.deployments.adapters import RayServeEngine, ReplicaSettings
from vllm_manager.deployments.engine import EngineUnavailableError, Launch
from vllm_manager.deployments.observed import Identity, Observation

Json = dict[str, Any]
SETTINGS = ReplicaSettings("http://127.0.0.1:8801", 1800, 600, 30)
LAUNCH = Launch(
    name="demo",
    identity=Identity("dep_1", 2, 3),
    model="demo",
    revision=None,
    engine="vllm",
    arguments=("--max-model-len=512",),
    environment=(("A", "b"),),
    sealed=("A",),
    replicas=2,
    cpus=1.5,
    gpus=0,
    tensor_parallel_size=1,
    pipeline_parallel_size=1,
)


class Serve(HttpServer):
    """Keeps the last set, and answers with what a test puts in its mouth."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.details: Json = {"controller_info": {"node_id": "n"}, "applications": {}}
        self.put: list[Json] = []
        self.status = 200

    async def _answer(self, exchange: Exchange) -> None:
        if exchange.method == "PUT":
            self.put.append(exchange.json)
        exchange.reply_json(self.details if exchange.method == "GET" else {}, self.status)

    def run(self, config: Json, status: str = "RUNNING", **deployment: Any) -> None:
        """Let an application run as if it had been put."""
        seen: Json = {"name": "replica", "message": "", "replicas": [], **deployment}
        self.details["applications"][config["name"]] = {
            "status": status,
            "message": "",
            "deployed_app_config": config,
            "deployments": {"replica": seen},
        }


@pytest.fixture
async def serve():
    async with Serve() as serve:
        yield serve


@pytest.fixture
async def engine(serve: Serve, tmp_path: Any):
    ray = RayRest(serve.url, tmp_path / "token")
    yield RayServeEngine(ray, SETTINGS)
    await ray.close()


async def put(engine: RayServeEngine, serve: Serve) -> Json:
    """Send the launch and return its application's configuration."""
    await engine.converge([LAUNCH], await engine.observe())
    return serve.put[-1]["applications"][0]


async def test_a_launch_becomes_one_application_with_all_that_replicas_need(
    engine: RayServeEngine, serve: Serve
) -> None:
    config = await put(engine, serve)
    assert serve.put[-1]["proxy_location"] == "Disabled"
    assert (config["name"], config["route_prefix"]) == ("demo", None)
    assert config["import_path"] == "vllm_manager_engine.serve_app:build"
    assert config["deployments"] == [{"name": "replica", "num_replicas": 2}]
    assert config["args"] == {
        "deployment": "demo",
        "uid": "dep_1",
        "generation": 2,
        "attempt": 3,
        "model": "demo",
        "revision": None,
        "engine": "vllm",
        "arguments": ["--max-model-len=512"],
        "environment": {"A": "b"},
        "secret_names": ["A"],
        "cpus": 1.5,
        "gpus": 0,
        "tensor_parallel_size": 1,
        "pipeline_parallel_size": 1,
        "report_url": "http://127.0.0.1:8801",
        "start_deadline_seconds": 1800,
        "idle_deadline_seconds": 600,
        "trusted_code": False,
        "drain_seconds": 30,
        "warm": False,
        "otlp_endpoint": None,
    }


async def test_what_runs_with_the_same_identity_keeps_its_configuration_but_for_replicas(
    engine: RayServeEngine, serve: Serve
) -> None:
    config = await put(engine, serve)
    old: Json = {**config, "args": {**config["args"], "drain_seconds": 7}, "deployments": []}
    serve.run(old)
    assert await put(engine, serve) == {
        **old,
        "deployments": [{"name": "replica", "num_replicas": 2}],
    }


async def test_another_attempt_is_configured_anew(engine: RayServeEngine, serve: Serve) -> None:
    config = await put(engine, serve)
    serve.run({**config, "args": {**config["args"], "attempt": 2, "drain_seconds": 7}})
    assert await put(engine, serve) == config


async def test_what_runs_is_read_back(engine: RayServeEngine, serve: Serve) -> None:
    replica = {"replica_id": "r", "state": "RUNNING", "node_id": "n", "node_ip": "i", "pid": 7}
    serve.run(await put(engine, serve), replicas=[replica, {**replica, "pid": None}])
    app = (await engine.observe()).applications["demo"]
    assert (app.identity, app.replicas_target) == (Identity("dep_1", 2, 3), 2)
    assert (app.deploy_failed, app.deleting, app.cause) == (False, False, "")
    assert [(r.replica_id, r.state, r.pid) for r in app.replicas] == [
        ("r", "RUNNING", 7),
        ("r", "RUNNING", None),
    ]


async def test_a_failure_is_read_with_the_deployments_own_cause(
    engine: RayServeEngine, serve: Serve
) -> None:
    message = "\x1b[36mRuntimeError\x1b[0m: out_of_memory: No."
    serve.run(await put(engine, serve), "DEPLOY_FAILED", message=message)
    app = (await engine.observe()).applications["demo"]
    assert (app.deploy_failed, app.cause) == (True, "RuntimeError: out_of_memory: No.")


async def test_an_application_that_is_going_is_seen_to_go(
    engine: RayServeEngine, serve: Serve
) -> None:
    serve.run(await put(engine, serve), "DELETING")
    assert (await engine.observe()).applications["demo"].deleting


@pytest.mark.parametrize(
    "config",
    [
        None,
        {},
        {"args": {"uid": "dep_1"}},
        {"args": {"uid": 1, "generation": 1, "attempt": 1}},
        {"args": [], "deployments": None},
    ],
)
async def test_what_is_not_ours_has_no_identity(
    engine: RayServeEngine, serve: Serve, config: Json | None
) -> None:
    app = {"status": "RUNNING", "deployed_app_config": config, "deployments": None}
    serve.details["applications"]["foreign"] = app
    seen = (await engine.observe()).applications["foreign"]
    assert (seen.identity, seen.replicas) == (None, ())


@pytest.mark.parametrize(
    ("details", "prepared"),
    [
        ({"applications": {}}, False),
        ({"controller_info": {}, "applications": None}, False),
        ({"controller_info": {"node_id": "n"}}, True),
    ],
)
async def test_whether_serve_itself_is_up_is_seen(
    engine: RayServeEngine, serve: Serve, details: Json, prepared: bool
) -> None:
    serve.details = details
    observation = await engine.observe()
    assert (observation.reachable, observation.prepared) == (True, prepared)
    assert observation.applications == {}


async def test_a_ray_that_is_gone_is_an_observation_too(
    engine: RayServeEngine, serve: Serve
) -> None:
    await serve.kill()
    observation = await engine.observe()
    assert not observation.reachable
    assert "can't be reached" in (observation.error or "")


async def test_a_set_that_is_not_taken_may_be_sent_again(
    engine: RayServeEngine, serve: Serve
) -> None:
    serve.status = 500
    with pytest.raises(EngineUnavailableError, match="answered 500"):
        await engine.converge([LAUNCH], Observation(reachable=True))
