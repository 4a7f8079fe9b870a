"""59, 60. Pickles and a repository's code are not deployed, but for code that was allowed."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from support.api import Json
from support.hub import Hub, declare, ready_made, weights
from support.hub.models import LLAMA
from support.ray_cluster import RayCluster
from support.server import ControlPlane, control_plane

pytestmark = [pytest.mark.survival, pytest.mark.engine]

CODE = "acme/needs-code"
SPARE = "acme/spare-code"
"""Brings code as well, but its architecture is one that vLLM has."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    config = {**LLAMA, "auto_map": {"AutoModelForCausalLM": "modeling_own.OwnForCausalLM"}}
    files = {
        "config.json": json.dumps({**config, "architectures": ["OwnForCausalLM"]}),
        "modeling_own.py": "raise SystemExit('must never run')\n",
        "model.safetensors": weights(64 << 10),
    }
    spare = {**files, "config.json": json.dumps(config)}
    with Hub([*ready_made(), declare(CODE, files), declare(SPARE, spare)]) as hub:
        yield hub


def plane_of(
    tmp_path: Path, ray: RayCluster, hub: Hub, **settings: str
) -> AbstractContextManager[ControlPlane]:
    return control_plane(tmp_path / "home", ray, hub_endpoint=hub.url, **settings)


@pytest.mark.parametrize(
    ("model", "code"), [(CODE, "own_code_refused"), ("acme/pickled", "pickle_weights")]
)
def test_60_it_is_refused_before_anything_is_fetched(
    tmp_path: Path, ray: RayCluster, hub: Hub, model: str, code: str
) -> None:
    with plane_of(tmp_path, ray, hub) as plane:
        status, problem = refused(plane, model)
        assert (status, problem["code"]) == (422, code)
        assert problem["remediation"]
        assert plane.ask("/deployments")["items"] == []
        assert plane.ask("/downloads")["items"] == []


def test_60_what_another_commit_was_allowed_is_refused(
    tmp_path: Path, ray: RayCluster, hub: Hub
) -> None:
    with plane_of(tmp_path, ray, hub, trusted_code=f"{CODE}@{'0' * 40}") as plane:
        status, problem = refused(plane, CODE)
        assert (status, problem["code"]) == (422, "own_code_refused")
        commit = next(iter(hub.repositories[CODE].commits))
        assert f"{CODE}@{commit}" in problem["remediation"][-1]["label"]


def test_60_the_allowed_commit_is_fetched_with_its_code_and_runs(
    tmp_path: Path, ray: RayCluster, hub: Hub
) -> None:
    commit = next(iter(hub.repositories[CODE].commits))
    with plane_of(tmp_path, ray, hub, trusted_code=f"{CODE}@{commit}") as plane:
        plane.deploy("own", model=CODE, revision=commit)
        plane.wait_for("own", "ready")
        (application,) = plane.ray.applications().values()
        told = application["deployed_app_config"]["args"]
        assert told["trusted_code"] is True
        assert (Path(told["model"]) / "modeling_own.py").exists()


def test_60_what_vllm_knows_itself_runs_and_its_repositorys_code_is_not_even_fetched(
    tmp_path: Path, ray: RayCluster, hub: Hub
) -> None:
    with plane_of(tmp_path, ray, hub) as plane:
        plane.deploy("spare", model=SPARE)
        plane.wait_for("spare", "ready")
        (application,) = plane.ray.applications().values()
        told = application["deployed_app_config"]["args"]
        assert told["trusted_code"] is False
        assert not (Path(told["model"]) / "modeling_own.py").exists()


def refused(plane: ControlPlane, model: str) -> tuple[int, Json]:
    spec = {"name": "own", "model": model, "engine": "fake"}
    return plane.call("POST", "/deployments", spec)
