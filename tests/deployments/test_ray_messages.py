"""Ray's messages become causes, with what is short."""

import pytest

from vllm_manager.deployments.ray_messages import understood

ROOM = (
    "Deployment 'replica' in application 'demo' has 1 replicas that have taken more than 30s to be "
    "scheduled. This may be due to waiting for the cluster to auto-scale or for a runtime "
    'environment to be installed. Resources required for each replica: {"CPU": 1.0, "GPU": 4.0}, '
    'total resources available: {"CPU": 7.0, "GPU": 1.0}. Use `ray status` for more details.'
)


def test_what_no_node_has_is_told_with_the_difference() -> None:
    found = understood([ROOM])
    assert found is not None
    assert found.code == "placement_impossible"
    assert "4 GPU are asked for, 1 are free" in found.detail
    assert "CPU" not in found.detail


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("The actor died because its node has died. Node Id: 12ab", "node_lost"),
        ("Task was killed due to the node running low on memory.", "host_out_of_memory"),
        ("The actor died unexpectedly before finishing this task.", "replica_killed"),
        ("RuntimeError: Version mismatch: The cluster was started with:", "ray_version_mismatch"),
        ("ray.exceptions.RuntimeEnvSetupError: Failed to set up", "runtime_environment_failed"),
        ("ModuleNotFoundError: No module named 'vllm_manager_engine'", "engine_package_missing"),
        ("RuntimeError: kv_cache_too_small: It does not fit.", "kv_cache_too_small"),
    ],
)
def test_a_message_is_understood(line: str, code: str) -> None:
    found = understood(["Traceback (most recent call last):", line])
    assert found is not None
    assert (found.code, found.evidence) == (code, line)


def test_other_words_are_not_claimed_to_be_known() -> None:
    assert understood(["Something else happened."]) is None
