"""What is done about what is seen."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from vllm_manager.deployments.observed import (
    Failure,
    Identity,
    Observation,
    Report,
    SeenApplication,
)
from vllm_manager.deployments.plan import (
    HOPELESS,
    Policy,
    Setback,
    decide,
    find_setback,
    must_converge,
    overdue,
)
from vllm_manager.deployments.states import Assessment, Wanted

NOW = 1000.0
MINE = Identity("dep_1", 1, 1)
WANTED = Wanted("demo", MINE, "running", 1)
APP = SeenApplication("demo", MINE, 1, False, False, "", ())
POLICY = Policy(5, 10, 600, 1800)
BOOM = Failure("engine_exited", "boom")
REPORT = Report(
    identity=MINE,
    deployment="demo",
    replica_id="r1",
    incarnation="life-1",
    phase="loading",
    phase_seconds=1.0,
    idle_seconds=0.5,
    received=NOW - 1,
    received_at=datetime(2026, 1, 1, tzinfo=UTC),
)
LOADING = Assessment("loading", lead=REPORT)


def seen(*apps: SeenApplication) -> Observation:
    return Observation(reachable=True, applications={app.name: app for app in apps})


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300), (9, 300)]
)
def test_the_back_off_doubles_up_to_five_minutes(failures: int, seconds: float):
    assert POLICY.back_off_seconds(failures) == seconds


def test_a_failed_start_is_retried_and_the_fifth_gives_up():
    setback = Setback(BOOM, was_ready=False)
    first = decide(WANTED, LOADING, setback, 0, POLICY)
    assert (first.kind, first.failures, first.wait_seconds) == ("retry", 1, 10)
    fifth = decide(replace(WANTED, failures=4), LOADING, setback, 0, POLICY)
    assert (fifth.kind, fifth.failures) == ("give_up", 5)


@pytest.mark.parametrize("code", sorted(HOPELESS))
def test_a_hopeless_failure_is_not_retried(code: str):
    setback = Setback(Failure(code, "no"), was_ready=False)
    assert decide(WANTED, LOADING, setback, 0, POLICY).kind == "give_up"


def test_a_failure_beside_a_ready_replica_is_only_noted():
    beside = Assessment("degraded", ready=(REPORT,))
    assert decide(WANTED, beside, Setback(BOOM, False), 0, POLICY).kind == "note"


def test_what_waits_goes_on_when_its_time_has_come():
    waiting = replace(WANTED, backing_off=True, retry_in_seconds=0.1)
    assert decide(waiting, LOADING, None, 0, POLICY).kind == "keep"
    due = replace(waiting, retry_in_seconds=0.0)
    assert decide(due, LOADING, None, 0, POLICY).kind == "resume"


def test_nothing_is_decided_about_what_was_given_up_or_stopped():
    setback = Setback(BOOM, False)
    assert decide(replace(WANTED, given_up=True), LOADING, setback, 0, POLICY).kind == "keep"
    assert decide(replace(WANTED, desired="stopped"), LOADING, setback, 0, POLICY).kind == "keep"


def test_a_deleted_row_goes_when_all_of_it_is_gone():
    deleted = replace(WANTED, desired="deleted")
    assert decide(deleted, Assessment("deleting"), None, 0, POLICY).kind == "keep"
    assert decide(deleted, Assessment("deleting", gone=True), None, 0, POLICY).kind == "remove"


def test_a_failed_report_is_told_once():
    failed = replace(REPORT, phase="failed", failure=BOOM)
    setback, told = find_setback(WANTED, seen(APP), [failed], frozenset(), NOW)
    assert setback == Setback(BOOM, was_ready=False)
    assert find_setback(WANTED, seen(APP), [failed], told, NOW) == (None, frozenset())


def test_a_replica_that_ray_no_longer_lists_is_lost_once_it_is_silent():
    young = replace(REPORT, received=NOW - 1)
    silent = replace(REPORT, received=NOW - 4, was_ready=True)
    assert find_setback(WANTED, seen(APP), [young], frozenset(), NOW)[0] is None
    setback, _ = find_setback(WANTED, seen(APP), [silent], frozenset(), NOW)
    assert setback is not None
    assert (setback.failure.code, setback.was_ready) == ("replica_lost", True)


def test_a_replica_that_said_it_stops_is_not_lost():
    stopping = replace(REPORT, phase="stopping", received=NOW - 9)
    assert find_setback(WANTED, seen(APP), [stopping], frozenset(), NOW)[0] is None


def test_reports_of_an_earlier_attempt_are_no_setback():
    old = replace(REPORT, identity=replace(MINE, attempt=0), phase="failed", failure=BOOM)
    assert find_setback(WANTED, seen(APP), [old], frozenset(), NOW)[0] is None


def test_a_start_may_take_long_while_it_makes_progress():
    moving = replace(REPORT, idle_seconds=5, timeline=(("starting", 700.0),))
    assert overdue(Assessment("loading", lead=moving), 900, POLICY) is None
    endless = replace(moving, timeline=(("starting", 1900.0),))
    assert overdue(Assessment("loading", lead=endless), 900, POLICY) is not None


def test_being_queued_is_never_overdue():
    assert overdue(Assessment("queued"), 1e6, POLICY) is None


@pytest.mark.parametrize(
    ("wanted", "observation", "expected"),
    [
        (WANTED, seen(), True),
        (WANTED, seen(APP), False),
        (WANTED, seen(replace(APP, identity=None)), True),
        (WANTED, seen(replace(APP, replicas_target=2)), True),
        (WANTED, seen(replace(APP, deleting=True)), True),
        (replace(WANTED, desired="stopped"), seen(APP), True),
        (replace(WANTED, desired="stopped"), seen(replace(APP, deleting=True)), False),
        (replace(WANTED, desired="stopped"), seen(), False),
        (WANTED, Observation(reachable=False), False),
        (replace(WANTED, desired="stopped"), Observation(reachable=True, prepared=False), True),
    ],
)
def test_the_set_is_sent_only_where_it_differs(
    wanted: Wanted, observation: Observation, expected: bool
):
    assert must_converge([wanted], observation) is expected
