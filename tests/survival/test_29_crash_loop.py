"""29. Crash loop: the back-off doubles, then `failed` after 5 tries with the cause."""

from datetime import UTC, datetime

import psutil
import pytest

from support.api import Json
from support.ray_cluster import wait_until
from support.server import ControlPlane
from support.warmth import started, supervised, warmer
from vllm_manager_engine.supervisor import EngineFailed

pytestmark = pytest.mark.survival

CAUSE = "ValueError: the weights are broken"
BASE_SECONDS = 0.5  # as the tests' control plane is set; 10 otherwise


@pytest.mark.engine
def test_29_it_is_given_up_after_five_tries_with_the_cause(plane: ControlPlane) -> None:
    begun = plane.deploy("demo", fake={"crash_in": "loading", "stderr": CAUSE, "exit_code": 3})
    waits: dict[int, float] = {}

    def is_over(view: Json) -> bool:
        if view["next_retry_at"] and view["phase"] == "queued":
            at = datetime.fromisoformat(view["next_retry_at"])
            left = (at - datetime.now(UTC)).total_seconds()
            waits[view["attempt"]] = max(left, waits.get(view["attempt"], 0.0))
        return view["phase"] == "failed"

    view = plane.wait_for("demo", is_over, within_seconds=150)
    assert view["attempt"] == 5
    error = view["last_error"]
    assert error["code"] == "engine_exited"
    assert "It failed 5 times in a row" in error["detail"]
    assert CAUSE in error["causes"][0]["evidence"]
    assert not error["retryable"]

    # The attempt is counted up when its wait begins: 2 waits 0.5 s, 5 waits 4 s. Looking every now
    # and then may miss a short one, or see it late.
    assert {4, 5} <= set(waits) <= {2, 3, 4, 5}
    for attempt, seconds in waits.items():
        expected = BASE_SECONDS * 2 ** (attempt - 2)
        assert seconds <= expected + 0.1
        assert attempt < 4 or seconds > expected / 3

    events = plane.ask("/deployments/demo/events?limit=200")["items"]
    assert [event["kind"] for event in events].count("error") == 5
    plane.wait_for_operation(begun["operation"]["id"], "failed")
    wait_until(lambda: not plane.ray.applications(), 30, "the end of the application")

    # A person's start is a new start: all five tries are there again.
    assert plane.call("POST", "/deployments/demo/start")[0] == 202
    again = plane.wait_for("demo", lambda v: v["attempt"] == 2, within_seconds=60)
    assert again["generation"] == 2


@pytest.mark.linux
async def test_29_warm_engines_crash_in_a_loop_as_cold_ones_do_and_cost_the_warmer_nothing() -> (
    None
):
    told = {"crash_in": "loading", "stderr": CAUSE, "exit_code": 3}
    async with warmer() as running:
        spare = (await running.spare())["pid"]
        for _ in range(5):
            async with supervised(running.place, fake=told) as supervisor:
                with pytest.raises(EngineFailed) as caught:
                    await supervisor.start()
                assert supervisor.how == "warm"
                assert caught.value.failure.code == "engine_exited"
                assert CAUSE in str(caught.value.failure.evidence)
        assert await started(running.place) == ("warm", None)
        assert (await running.spare())["pid"] == spare
        assert psutil.Process(spare).children() == []
