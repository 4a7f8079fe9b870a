"""Which phase follows from what is seen."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from vllm_manager.deployments.observed import (
    Identity,
    Observation,
    Report,
    SeenApplication,
    SeenReplica,
)
from vllm_manager.deployments.states import Wanted, assess, replica_phase

NOW = 1000.0
MINE = Identity("dep_1", 3, 1)
WANTED = Wanted("demo", MINE, "running", 1)
REPLICA = SeenReplica("r1", "RUNNING", "n1", "127.0.0.1", 42)
APP = SeenApplication("demo", MINE, 1, False, False, "", (REPLICA,))
SEEN = Observation(reachable=True, applications={"demo": APP})
NOTHING = Observation(reachable=True)
AWAY = Observation(reachable=False, error="refused")


def report(
    phase: str, *, age: float = 1.0, replica: str = "r1", identity: Identity = MINE
) -> Report:
    return Report(
        identity=identity,
        deployment="demo",
        replica_id=replica,
        incarnation=f"life-{replica}",
        phase=phase,
        phase_seconds=1.0,
        idle_seconds=0.5,
        received=NOW - age,
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def phase_of(wanted: Wanted, seen: Observation, *reports: Report) -> str:
    return assess(wanted, seen, reports, NOW, silence_seconds=10).phase


@pytest.mark.parametrize("phase", ["starting", "fetching", "loading", "compiling", "warming"])
def test_a_start_is_in_the_phase_of_its_replica(phase: str):
    assert phase_of(WANTED, SEEN, report(phase)) == phase


def test_ready_needs_a_fresh_report_that_says_so():
    assert phase_of(WANTED, SEEN, report("ready")) == "ready"
    assert phase_of(WANTED, SEEN, report("ready", age=11)) == "unreachable"


def test_a_report_of_an_earlier_launch_proves_nothing():
    old = report("ready", identity=replace(MINE, generation=2))
    assert phase_of(WANTED, SEEN, old) != "ready"


def test_the_replica_that_is_furthest_leads():
    wanted = replace(WANTED, replicas=2)
    both = (report("starting"), report("loading", replica="r2"))
    assert phase_of(wanted, SEEN, *both) == "loading"


def test_some_but_not_all_ready_is_degraded_and_says_how_many():
    wanted = replace(WANTED, replicas=3)
    found = assess(wanted, SEEN, [report("ready")], NOW, 10)
    assert (found.phase, found.reason) == ("degraded", "1 of 3 replicas are ready.")


def test_an_engine_that_was_ready_and_is_not_answering_is_degraded():
    assert phase_of(WANTED, SEEN, report("degraded")) == "degraded"


def test_a_gpu_that_is_gone_degrades_what_is_ready_and_is_told_in_every_phase():
    struck = replace(WANTED, lost_gpus=("GPU 1 has fallen off the bus.",))
    ready = assess(struck, SEEN, [report("ready")], NOW, silence_seconds=10)
    assert (ready.phase, ready.reason) == ("degraded", "GPU 1 has fallen off the bus.")
    assert len(ready.ready) == 1
    loading = assess(struck, SEEN, [report("loading")], NOW, silence_seconds=10)
    assert loading.phase == "loading"
    assert loading.degradations == ready.degradations == struck.lost_gpus
    stopped = replace(struck, desired="stopped")
    assert assess(stopped, NOTHING, [], NOW, silence_seconds=10).degradations == ()


def test_what_ray_has_not_got_yet_is_queued():
    assert phase_of(WANTED, NOTHING) == "queued"
    other = replace(APP, identity=replace(MINE, generation=2))
    assert phase_of(WANTED, Observation(True, applications={"demo": other})) == "queued"


def test_a_replica_without_a_place_is_scheduling_with_rays_words():
    waiting = replace(
        APP, cause="no resources", replicas=(replace(REPLICA, pid=None, state="STARTING"),)
    )
    found = assess(WANTED, Observation(True, applications={"demo": waiting}), [], NOW, 10)
    assert (found.phase, found.reason) == ("scheduling", "no resources")


def test_running_without_a_report_is_not_green():
    assert phase_of(WANTED, SEEN) == "unreachable"


def test_while_ray_is_away_reports_are_believed_and_silence_is_not():
    assert phase_of(WANTED, AWAY, report("ready")) == "ready"
    assert phase_of(WANTED, AWAY, report("ready", age=20)) == "unreachable"
    assert phase_of(WANTED, AWAY) == "queued"


def test_stopping_lasts_until_ray_has_nothing_of_it():
    stopped = replace(WANTED, desired="stopped")
    assert phase_of(stopped, SEEN, report("stopping")) == "stopping"
    assert phase_of(stopped, AWAY) == "stopping"
    assert phase_of(stopped, NOTHING) == "stopped"


def test_deleting_knows_when_all_is_gone():
    deleted = replace(WANTED, desired="deleted")
    assert not assess(deleted, SEEN, [], NOW, 10).gone
    assert not assess(deleted, AWAY, [], NOW, 10).gone
    assert assess(deleted, NOTHING, [], NOW, 10).gone


def test_giving_up_is_failed_and_waiting_is_queued_with_the_time_left():
    assert phase_of(replace(WANTED, given_up=True), NOTHING) == "failed"
    waiting = replace(WANTED, backing_off=True, failures=2, retry_in_seconds=19.6, error="boom")
    found = assess(waiting, NOTHING, [], NOW, 10)
    assert (found.phase, found.reason) == ("queued", "Failed 2 times; next try in 20 s. boom")


def test_a_replica_has_a_phase_of_its_own():
    assert replica_phase(REPLICA, report("ready"), NOW, 10) == "ready"
    assert replica_phase(REPLICA, report("ready", age=30), NOW, 10) == "unreachable"
    assert replica_phase(REPLICA, None, NOW, 10) == "unreachable"
    assert replica_phase(replace(REPLICA, state="STARTING"), None, NOW, 10) == "scheduling"
    assert replica_phase(None, report("failed", age=30), NOW, 10) == "failed"
