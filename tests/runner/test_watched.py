"""One watched service: started, proved, started again with back-off, taken over."""

from pathlib import Path

import pytest

from fakes.clock import FakeClock
from vllm_manager.cli.runner import RunFiles, ServiceRecord
from vllm_manager.cli.runner.processes import Member
from vllm_manager.cli.runner.watched import Patience, Watched

PATIENCE = Patience(first_answer_seconds=100, silence_seconds=60, probe_every_seconds=2)


class ToyService:
    """A service of no process at all, which tests break and mend."""

    name = "toy"
    port = 1234

    def __init__(self, folder: Path) -> None:
        self.log = folder / "toy.log"
        self.log.write_text("it said this\n")
        self.starts = 0
        self.stops = 0
        self.broken: str | None = None
        self.answering = True
        self.startable = True

    def start(self, record: ServiceRecord) -> None:
        if not self.startable:
            raise FileNotFoundError("no such program")
        self.starts += 1
        self.broken = None
        record.members = [Member(pid=self.starts, born="toy", role="toy")]

    def fault(self, record: ServiceRecord) -> str | None:
        return self.broken

    def answers(self, record: ServiceRecord) -> bool:
        return self.answering

    def silent(self, record: ServiceRecord) -> str | None:
        return "stopped answering"

    def stop(self, record: ServiceRecord, patience_seconds: float) -> None:
        self.stops += 1


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def toy(tmp_path: Path) -> ToyService:
    return ToyService(tmp_path)


@pytest.fixture
def watched(toy: ToyService, clock: FakeClock, tmp_path: Path) -> Watched:
    return Watched(toy, RunFiles(tmp_path / "run"), PATIENCE, clock.monotonic)


def pass_time(watched: Watched, clock: FakeClock, seconds: int) -> None:
    for _ in range(seconds):
        clock.advance(1)
        watched.tick()


def test_it_runs_only_once_it_answers(watched: Watched, toy: ToyService, clock: FakeClock) -> None:
    toy.answering = False
    watched.tick()
    pass_time(watched, clock, 5)
    assert watched.record.state == "starting"
    toy.answering = True
    pass_time(watched, clock, 1)
    assert watched.record.state == "running"


def test_one_that_ended_is_started_again_at_once_with_its_reason(
    watched: Watched, toy: ToyService, clock: FakeClock
) -> None:
    watched.tick()
    pass_time(watched, clock, 2)
    toy.broken = "killed by SIGKILL"
    watched.tick()
    watched.tick()
    assert toy.starts == 2
    assert watched.record.restarts == 1
    assert watched.record.reason == "killed by SIGKILL"
    assert watched.record.log_tail == ["it said this"]


def test_a_crash_loop_is_slowed_down(watched: Watched, toy: ToyService, clock: FakeClock) -> None:
    watched.tick()
    for _ in range(120):
        toy.broken = "exited with status 1"
        pass_time(watched, clock, 1)
    assert watched.record.state == "waiting"
    assert toy.starts < 12
    assert watched.record.retry_in_seconds == 30


def test_what_is_left_of_it_is_stopped_before_a_new_start(
    watched: Watched, toy: ToyService, clock: FakeClock
) -> None:
    watched.tick()
    toy.broken = "ended"
    watched.tick()
    assert toy.stops == 1
    assert watched.record.members == []


def test_one_that_lives_but_does_not_answer_is_started_again(
    watched: Watched, toy: ToyService, clock: FakeClock
) -> None:
    watched.tick()
    pass_time(watched, clock, 2)
    toy.answering = False
    pass_time(watched, clock, 59)
    assert toy.starts == 1
    pass_time(watched, clock, 10)
    assert toy.starts == 2
    assert watched.record.reason == "stopped answering for 60 s"


def test_one_that_can_not_be_started_waits_with_the_reason(
    watched: Watched, toy: ToyService
) -> None:
    toy.startable = False
    watched.tick()
    assert watched.record.state == "waiting"
    assert "no such program" in (watched.record.reason or "")


def test_a_healthy_minute_is_forgiveness(
    watched: Watched, toy: ToyService, clock: FakeClock
) -> None:
    watched.tick()
    toy.broken = "ended"
    pass_time(watched, clock, 3)
    assert watched.record.failures == 1
    pass_time(watched, clock, 61)
    assert watched.record.failures == 0


def test_a_new_steward_takes_a_running_service_over(
    watched: Watched, toy: ToyService, clock: FakeClock, tmp_path: Path
) -> None:
    watched.tick()
    pass_time(watched, clock, 2)
    successor = Watched(toy, RunFiles(tmp_path / "run"), PATIENCE, clock.monotonic)
    successor.tick()
    assert toy.starts == 1
    assert successor.record.state == "running"
