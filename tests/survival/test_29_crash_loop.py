"""29. Crash loop: the back-off doubles, then `failed` after 5 tries with the cause."""

from datetime import UTC, datetime

import pytest

from support.api import Json
from support.ray_cluster import wait_until
from support.server import ControlPlane

pytestmark = [pytest.mark.survival, pytest.mark.engine]

CAUSE = "ValueError: the weights are broken"
BASE_SECONDS = 0.5  # as the tests' control plane is set; 10 otherwise


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

    # The attempt is counted up when its wait begins: 2 waits 0.5 s, 5 waits 4 s.
    assert sorted(waits) == [2, 3, 4, 5]
    for attempt, seconds in waits.items():
        expected = BASE_SECONDS * 2 ** (attempt - 2)
        assert expected / 3 < seconds <= expected + 0.1

    events = plane.ask("/deployments/demo/events?limit=200")["items"]
    assert [event["kind"] for event in events].count("error") == 5
    plane.wait_for_operation(begun["operation"]["id"], "failed")
    wait_until(lambda: not plane.ray.applications(), 30, "the end of the application")

    # A person's start is a new start: all five tries are there again.
    assert plane.call("POST", "/deployments/demo/start")[0] == 202
    again = plane.wait_for("demo", lambda v: v["attempt"] == 2, within_seconds=60)
    assert again["generation"] == 2
