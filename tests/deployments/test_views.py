"""What a client is shown: put together from what is wanted and what is seen."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deployments.reported import report
from deployments.room import Room
from fakes.clock import FakeClock
from vllm_manager.deployments.observed import Observation, Report, SeenApplication, SeenReplica
from vllm_manager.deployments.reports import ReportBoard
from vllm_manager.deployments.schemas import Deployment, TimelineStep
from vllm_manager.deployments.views import (
    History,
    Moment,
    differs_from_applied,
    replica_views,
    sum_metrics,
)

SPEC: dict[str, Any] = {"model": "demo", "arguments": {}, "replicas": 1, "start": True}


def reported(**fields: Any) -> Report:
    board = ReportBoard(FakeClock())
    board.post(report(**fields))
    return board.of("dep_1")[0]


async def starting(room: Room, phase: str, **fields: Any) -> Deployment:
    """Return the view of a deployment whose replica reports this."""
    await room.create()
    await room.step()
    await room.report(room.engine.place("demo", "STARTING"), phase, **fields)
    await room.step()
    return await room.get()


async def test_a_start_shows_its_progress_its_line_and_its_deadline(room: Room) -> None:
    view = await starting(room, "loading", progress=0.5, message="Loading 1/2", idle_seconds=100.0)
    assert (view.progress, view.log_line, view.reason) == (0.5, "Loading 1/2", "Loading 1/2")
    assert view.deadline_at == room.clock.now() + timedelta(seconds=500)
    assert (view.replicas_desired, view.replicas_ready) == (1, 0)


async def test_what_is_ready_has_no_progress_line_or_deadline(room: Room) -> None:
    view = await starting(room, "ready", progress=1.0, message="Serving")
    assert (view.progress, view.log_line, view.deadline_at) == (None, None, None)
    assert view.replicas_ready == 1


async def test_what_is_stopped_has_neither_replicas_nor_figures(room: Room) -> None:
    await room.create(start=False)
    view = await room.get()
    assert (view.phase, view.replicas_desired, view.replicas_ready) == ("stopped", 0, 0)
    assert (view.metrics, view.timeline, view.how, view.progress) == (None, [], None, None)


async def test_the_timeline_tells_done_and_running_phases_with_their_times(room: Room) -> None:
    done = [{"phase": "starting", "seconds": 3.4}]
    view = await starting(room, "loading", timeline=done, phase_seconds=1.25)
    seen = [(s.phase, s.state, s.seconds) for s in view.timeline if s.phase != "queued"]
    assert seen == [("starting", "done", 3.4), ("loading", "running", 1.25)]


async def test_the_timeline_of_the_last_start_stays_when_it_is_ready(room: Room) -> None:
    done = [{"phase": "starting", "seconds": 3.4}, {"phase": "loading", "seconds": 2.0}]
    view = await starting(room, "ready", timeline=done)
    states = {step.phase: step.state for step in view.timeline}
    assert states["starting"] == states["loading"] == "done"
    assert isinstance(view.timeline[0], TimelineStep)


def test_expected_times_are_the_median_of_the_newest_five_of_the_deployment() -> None:
    history = History()
    for seconds in (100, 1, 2, 3, 4, 5):
        history.add("dep_1", "demo", [{"phase": "loading", "seconds": seconds}])
    assert history.expected("dep_1", "demo") == {"loading": 3}


def test_a_new_deployment_expects_what_others_of_its_model_took() -> None:
    history = History()
    history.add("dep_1", "demo", [{"phase": "loading", "seconds": 7}])
    assert history.expected("dep_2", "demo") == {"loading": 7}
    assert history.expected("dep_2", "other") == {}


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        ({}, False),
        ({"replicas": 2}, False),
        ({"max_concurrent_requests": 5}, False),
        ({"start": False}, False),
        ({"model": "a/b"}, True),
        ({"arguments": {"max_model_len": 1}}, True),
    ],
)
def test_only_what_needs_a_restart_makes_stale(change: dict[str, Any], stale: bool) -> None:
    assert differs_from_applied({**SPEC, **change}, {"spec": SPEC, "words": []}) is stale


def test_what_never_ran_is_not_stale() -> None:
    assert not differs_from_applied(SPEC, None)


def test_figures_are_summed_and_shares_averaged() -> None:
    one = reported(metrics={"requests_running": 2, "kv_cache_usage_ratio": 0.2})
    two = reported(metrics={"requests_running": 3, "kv_cache_usage_ratio": 0.4})
    total = sum_metrics([one, two])
    assert total is not None
    assert total.requests_running == 5
    assert total.kv_cache_usage_ratio == pytest.approx(0.3)


def test_a_figure_that_nobody_tells_is_unknown_and_not_zero() -> None:
    told, silent = reported(metrics={"requests_running": 2}), reported(metrics=None)
    total = sum_metrics([told, silent])
    assert total is not None
    assert (total.requests_running, total.requests_waiting) == (2, None)
    assert sum_metrics([silent]) is None
    assert sum_metrics([]) is None


def seen(*replicas: SeenReplica) -> Observation:
    app = SeenApplication("demo", None, 1, False, False, "", replicas)
    return Observation(True, applications={"demo": app})


MOMENT = Moment(FakeClock().monotonic(), datetime(2026, 1, 1, tzinfo=UTC))


def test_a_replica_is_told_by_ray_until_it_reports() -> None:
    placed = SeenReplica("r1", "STARTING", "node", "10.0.0.1", 7)
    (view,) = replica_views("demo", seen(placed), [], MOMENT, 10)
    assert (view.replica_id, view.phase, view.supervisor_pid) == ("r1", "scheduling", 7)
    assert (view.node.id, view.node.ip, view.engine_pid) == ("node", "10.0.0.1", None)


def test_a_replicas_own_report_tells_more() -> None:
    failure = {"code": "engine_hung", "detail": "It hangs.", "evidence": "line"}
    node = {"id": "n", "ip": "10.0.0.2", "hostname": "gpu-a"}
    told = reported(phase="degraded", engine_pid=9, endpoint="http://e", node=node, failure=failure)
    (view,) = replica_views("demo", seen(), [told], MOMENT, 10)
    assert (view.phase, view.engine_pid, view.endpoint) == ("degraded", 9, "http://e")
    assert view.node.hostname == "gpu-a"
    assert view.failure is not None
    assert (view.failure.code, view.failure.evidence) == ("engine_hung", "line")


def test_a_replica_that_went_silent_is_unreachable() -> None:
    late = Moment(MOMENT.now + 11, MOMENT.at)
    (view,) = replica_views("demo", seen(), [reported(phase="ready")], late, 10)
    assert view.phase == "unreachable"


def test_the_secret_of_a_replica_is_not_shown() -> None:
    (view,) = replica_views("demo", seen(), [reported(secret="hush")], MOMENT, 10)
    assert "hush" not in view.model_dump_json()
