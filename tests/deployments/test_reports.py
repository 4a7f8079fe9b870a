"""The newest report of each incarnation: late ones are ignored, ended ones forgotten."""

import pytest
from pydantic import ValidationError

from deployments.reported import line, report
from fakes.clock import FakeClock
from vllm_manager.deployments.observed import Observation, SeenApplication, SeenReplica
from vllm_manager.deployments.reports import ReportBoard, ReportBody

FAILURE = {"code": "engine_exited", "detail": "It exited.", "exit_code": 1}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def board(clock: FakeClock) -> ReportBoard:
    return ReportBoard(clock)


def listing(*replica_ids: str, reachable: bool = True) -> Observation:
    replicas = tuple(SeenReplica(id, "RUNNING", None, None, 1) for id in replica_ids)
    app = SeenApplication("demo", None, 1, False, False, "", replicas)
    return Observation(reachable, applications={"demo": app})


def test_a_report_is_kept_as_it_came(board: ReportBoard, clock: FakeClock):
    board.post(report(phase="loading", progress=0.5, endpoint="http://e", secret="s", how="cold"))
    (kept,) = board.of("dep_1")
    assert (kept.phase, kept.progress, kept.endpoint, kept.secret) == (
        "loading",
        0.5,
        "http://e",
        "s",
    )
    assert (kept.received, kept.received_at) == (clock.monotonic(), clock.now())
    assert board.of("dep_2") == []


def test_a_change_of_phase_or_a_failure_is_news_and_the_rest_is_not(board: ReportBoard):
    assert board.post(report(sequence=1, phase="loading"))
    assert not board.post(report(sequence=2, phase="loading", progress=0.9))
    assert board.post(report(sequence=3, phase="ready"))
    assert board.post(report(sequence=4, phase="ready", failure=FAILURE))


def test_a_late_report_is_ignored(board: ReportBoard):
    board.post(report(sequence=5, phase="ready"))
    assert not board.post(report(sequence=4, phase="warming"))
    assert not board.post(report(sequence=5, phase="warming"))
    assert board.of("dep_1")[0].phase == "ready"


def test_each_incarnation_has_a_report_of_its_own(board: ReportBoard):
    board.post(report(incarnation="a", sequence=9))
    board.post(report(incarnation="b", sequence=1))
    assert len(board.of("dep_1")) == 2


def test_that_it_was_ready_once_is_remembered(board: ReportBoard):
    board.post(report(sequence=1, phase="ready"))
    board.post(report(sequence=2, phase="degraded"))
    assert board.of("dep_1")[0].was_ready


def test_what_ray_no_longer_lists_is_forgotten_after_it_settled(
    board: ReportBoard, clock: FakeClock
):
    board.post(report())
    board.prune(listing(), clock.monotonic())
    assert board.of("dep_1")
    clock.advance(3.5)
    board.prune(listing(), clock.monotonic())
    assert not board.of("dep_1")


def test_what_ray_lists_is_kept_for_minutes_of_silence(board: ReportBoard, clock: FakeClock):
    board.post(report())
    clock.advance(299)
    board.prune(listing("r1"), clock.monotonic())
    assert board.of("dep_1")
    clock.advance(2)
    board.prune(listing("r1"), clock.monotonic())
    assert not board.of("dep_1")


def test_nothing_is_forgotten_because_ray_does_not_answer(board: ReportBoard, clock: FakeClock):
    board.post(report())
    clock.advance(60)
    board.prune(listing(reachable=False), clock.monotonic())
    assert board.of("dep_1")


def test_what_grew_old_only_since_the_look_is_not_forgotten(board: ReportBoard, clock: FakeClock):
    """The step that began before must have had the chance to see it as lost."""
    board.post(report())
    clock.advance(2.9)
    began = clock.monotonic()
    clock.advance(1)
    board.prune(listing(), began)
    assert board.of("dep_1")


def test_an_incarnation_that_was_forgotten_may_report_anew(board: ReportBoard):
    board.post(report(sequence=5))
    board.forget(["life-1"])
    assert board.post(report(sequence=1))


def test_members_of_a_later_protocol_are_ignored():
    assert report(more="x", node={"id": "n", "rack": 3}).node.id == "n"


@pytest.mark.parametrize(
    "wrong",
    [
        {"uid": None},
        {"generation": "x"},
        {"phase": None},
        {"log": [{**line(1), "at": "2026-01-01T00:00:00"}]},
        {"log": [line(1, "x" * 65_537)]},
        {"log": [line(1)] * 1001},
    ],
)
def test_a_report_that_makes_no_sense_is_refused(wrong: dict[str, object]):
    with pytest.raises(ValidationError):
        report(**wrong)


def test_secrets_in_what_an_engine_says_are_taken_out_before_anybody_keeps_it() -> None:
    canary = "hf_canaryCANARYcanary0123456789abcd"
    told = f"401 for {canary}"
    body = ReportBody.model_validate(
        {
            **report().model_dump(mode="json"),
            "message": told,
            "failure": {"code": "model_not_found", "detail": told, "evidence": told},
            "log": [{"number": 1, "at": "2026-11-23T10:00:00Z", "text": told}],
        }
    )
    assert canary not in body.model_dump_json()
    assert body.model_dump_json().count("401 for hf_…") == 4
