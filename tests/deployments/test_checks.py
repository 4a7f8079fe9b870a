"""What can't run is refused before it starts, with every wrong field named."""

from pathlib import Path
from typing import Any

import pytest

from vllm_manager.cluster import ClusterNode
from vllm_manager.configs import EngineArguments
from vllm_manager.deployments.checks import Checks
from vllm_manager.deployments.schemas import DeploymentSpec
from vllm_manager.kit.errors import FieldError, Problem

LIST = Path(__file__).parent.parent / "fixtures" / "engine_arguments.json"


def node(cpus: float | None = 8, gpus: float | None = 0, **more: Any) -> ClusterNode:
    known: dict[str, Any] = {
        "id": "n",
        "ip": None,
        "hostname": None,
        "is_head": True,
        "state": "alive",
        "state_message": None,
        "cpus": cpus,
        "gpus": gpus,
        "memory_bytes": None,
    }
    return ClusterNode.model_validate({**known, **more})


def refused(nodes: list[ClusterNode] | None = None, **fields: Any) -> list[FieldError]:
    """Return the errors of a deployment with these fields."""
    checks = Checks(EngineArguments(LIST), ray_is_local=True, allow_fake=False)
    spec = DeploymentSpec.model_validate({"name": "demo", "model": "demo", **fields})
    try:
        checks.refuse_if_wrong(spec, nodes)
    except Problem as problem:
        return problem.details.errors
    return []


def fields_of(errors: list[FieldError]) -> list[str]:
    return [error.field for error in errors]


def test_the_demo_is_accepted():
    assert refused([node()], arguments={"max_model_len": 512}) == []


def test_every_wrong_field_is_named_at_once():
    errors = refused(
        [node()],
        model="../x",
        arguments={"host": "x", "nope": 1},
        environment={"1A": "x", "RAY_ADDRESS": "x"},
        resources={"cpus": 900},
        engine="fake",
    )
    assert fields_of(errors) == [
        "model",
        "arguments.host",
        "arguments.nope",
        "environment.1A",
        "environment.RAY_ADDRESS",
        "resources.cpus",
        "engine",
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("", "A B", "A=B", "1A", "A-B", "A\n", "é", "x" * 129, "PATH", "LD_PRELOAD", "PYTHONPATH"),
        *("VLLM_API_KEY", "vllm_api_key", "VLLM_MANAGER_HOME", "CUDA_VISIBLE_DEVICES", "HOME"),
    ],
)
def test_a_variable_that_is_odd_or_ours_is_refused(name: str):
    assert fields_of(refused(environment={name: "x"})) == [f"environment.{name}"]


@pytest.mark.parametrize("value", ["a\0b", "x" * 32_769])
def test_a_variables_value_that_is_odd_is_refused(value: str):
    assert fields_of(refused(environment={"NAME": value})) == ["environment.NAME"]


def test_too_many_variables_are_refused():
    assert fields_of(refused(environment={f"N{n}": "" for n in range(101)})) == ["environment"]


def test_ordinary_variables_are_accepted():
    assert refused(environment={"OMP_NUM_THREADS": "2", "_a": ""}) == []


def test_more_cores_than_any_node_has_are_refused_with_the_most_there_is():
    (error,) = refused([node(8), node(16)], resources={"cpus": 17})
    assert (error.field, error.suggestion) == ("resources.cpus", "16")
    assert error.message == "No node has 17 CPU cores; the largest has 16."


def test_more_gpus_than_any_node_has_are_refused():
    (error,) = refused([node(gpus=2)], resources={"gpus": 4})
    assert (error.field, error.suggestion) == ("resources.gpus", "2")


def test_gpus_that_follow_from_the_parallel_size_are_checked_where_there_are_gpus():
    assert fields_of(refused([node(gpus=2)], resources={"tensor_parallel_size": 4})) == [
        "resources.gpus"
    ]
    assert refused([node(gpus=0)], resources={"tensor_parallel_size": 4}) == []


def test_gpus_must_divide_among_the_workers():
    (error,) = refused([node(gpus=8)], resources={"gpus": 3, "tensor_parallel_size": 2})
    assert (error.field, error.suggestion) == ("resources.gpus", "2")


def test_one_node_must_have_both():
    nodes = [node(64, 0), node(4, 8)]
    (error,) = refused(nodes, resources={"cpus": 16, "gpus": 8})
    assert error.field == "resources"
    assert error.message == "No node has both 16 CPU cores and 8 GPUs."
    assert refused(nodes, resources={"cpus": 4, "gpus": 8}) == []


def test_dead_nodes_offer_nothing():
    assert fields_of(refused([node(8), node(64, state="dead")], resources={"cpus": 9})) == [
        "resources.cpus"
    ]


@pytest.mark.parametrize("nodes", [None, [], [node(None, None)], [node(state="dead")]])
def test_what_is_not_known_of_the_nodes_refuses_nothing(nodes: list[ClusterNode] | None):
    assert refused(nodes, resources={"cpus": 1000, "gpus": 64}) == []
