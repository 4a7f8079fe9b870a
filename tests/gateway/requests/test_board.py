"""What is known of requests from what workers say: fresh, stale, ended, and summed up."""

from typing import Any

import pytest

from fakes.clock import FakeClock
from vllm_manager.api.gateway_figures import GatewayCollector
from vllm_manager.gateway.identity import Asker
from vllm_manager.gateway.requests.board import RequestBoard
from vllm_manager.gateway.requests.captures import Captures
from vllm_manager.gateway.requests.tracking import MOST_ENDED, Tracker
from vllm_manager.gateway.requests.wire import Bodies, Row, Sums, Told
from vllm_manager.gateway.taps import Usage
from vllm_manager.monitoring.samples import BY_NAME, Distribution, Sample

PERSON = Asker("usr_1", "key_1", None)


def row(number: int, **more: Any) -> Row:
    values: dict[str, Any] = {
        "number": number,
        "id": f"req-{number}",
        "deployment": "demo",
        "model": "demo",
        "path": "/v1/completions",
        "stream": True,
        "state": "decode",
        "started_at": 1_790_000_000.0 + number,
        "seconds": 2.0,
        "user": "usr_1",
        "key_class": "user",
        **more,
    }
    return Row(**values)


def over(number: int, **more: Any) -> Row:
    return row(number, state="done", status=200, status_class="2xx", **more)


def told(
    *under_way: Row,
    ended: list[Row] | None = None,
    sums: list[Sums] | None = None,
    worker: str = "w",
    **more: Any,
) -> Told:
    return Told(worker, 4711, list(under_way), ended or [], sums or [], **more)


def begin(tracker: Tracker, deployment: str = "demo", asker: Asker = PERSON) -> Any:
    peer = ("127.0.0.1", 1)
    return tracker.begin(b"r", "/v1/x", deployment, deployment, True, asker, peer, None, b"{}")


def finish(tracker: Tracker, status: int = 200, **more: Any) -> None:
    tracked = begin(tracker, **more)
    tracked.status, tracked.usage = status, Usage(7, 3)
    tracked.first_token_seconds = 0.2
    tracker.finish(tracked)


def test_what_is_under_way_grows_older_with_the_clock() -> None:
    clock = FakeClock()
    board = RequestBoard(clock)
    board.put(told(row(1)))
    clock.advance(3)
    [seen] = board.seen()
    assert (seen.is_active, seen.is_current, seen.seconds) == (True, True, 5.0)


def test_a_worker_that_is_silent_shows_nothing_as_current() -> None:
    clock = FakeClock()
    board = RequestBoard(clock)
    board.put(told(row(1)))
    clock.advance(10)
    [seen] = board.seen()
    assert (seen.is_active, seen.is_current, seen.seconds) == (True, False, 2.0)
    assert board.workers() == (0, 1)
    clock.advance(50)
    assert list(board.seen()) == []
    assert board.workers() == (0, 0)


def test_a_request_that_ended_is_there_once_however_often_it_is_told() -> None:
    board = RequestBoard(FakeClock())
    board.put(told(row(1)))
    board.put(told(ended=[over(1)]))
    board.put(told(ended=[over(1)]))
    [seen] = board.seen()
    assert (seen.is_active, seen.row.status) == (False, 200)


def test_a_worker_is_told_to_cancel_until_the_request_is_over() -> None:
    board = RequestBoard(FakeClock())
    board.put(told(row(1), row(2)))
    board.cancel(("w", 1))
    assert board.put(told(row(1), row(2))) == [1]
    assert board.put(told(row(1), row(2))) == [1]
    assert board.put(told(row(2), ended=[over(1)])) == []


async def test_the_figures_are_those_that_are_named_and_add_up_over_workers() -> None:
    trackers = Tracker(), Tracker()
    finish(trackers[0])
    finish(trackers[1])
    finish(trackers[1], status=500)
    begin(trackers[1])
    board = RequestBoard(FakeClock())
    for index, tracker in enumerate(trackers):
        board.put(told(sums=tracker.sums({"demo"}), worker=f"w{index}"))
    samples = await GatewayCollector(board).collect()
    for sample in samples:
        assert tuple(name for name, _ in sample.labels) == BY_NAME[sample.figure].labels
    values = {(s.figure, *(value for _, value in s.labels)): s.value for s in samples}
    assert values["gateway_requests_total", "demo", "2xx"] == 2
    assert values["gateway_requests_total", "demo", "5xx"] == 1
    assert values["gateway_tokens_total", "demo", "in", "user"] == 21
    assert values["gateway_tokens_total", "demo", "out", "user"] == 9
    assert values["gateway_requests_under_way", "demo"] == 1
    assert values["gateway_requests_queued", "demo"] == 1
    ttft = values["gateway_ttft_seconds", "demo"]
    assert isinstance(ttft, Distribution)
    assert (ttft.counts[-1], ttft.total) == (2, 0.4)
    assert ttft.counts[ttft.bounds.index(0.1)] == 0
    assert ttft.counts[ttft.bounds.index(0.25)] == 2


def counted(board: RequestBoard) -> float | None:
    """Return the requests answered; None where the board does not tell."""
    found = [f.value for f in board.figures() if f.name == "gateway_requests_total"]
    return sum(v for v in found if isinstance(v, int)) if found else None


@pytest.mark.parametrize("silent", [["w0", "w1"], ["w0"]])
def test_while_a_worker_is_silent_nothing_is_told_as_the_whole(silent: list[str]) -> None:
    clock, tracker = FakeClock(), Tracker()
    finish(tracker)
    begin(tracker)
    board = RequestBoard(clock)

    def tell(*workers: str) -> None:
        for worker in workers:
            board.put(told(sums=tracker.sums({"demo"}), worker=worker))

    tell("w0", "w1")
    assert counted(board) == 2
    clock.advance(10)
    tell(*{"w0", "w1"} - set(silent))
    assert board.figures() == []
    tell("w0", "w1")
    assert counted(board) == 2


def test_a_worker_whose_place_another_has_taken_is_not_waited_for() -> None:
    clock, tracker = FakeClock(), Tracker()
    finish(tracker)
    board = RequestBoard(clock)
    board.put(told(sums=tracker.sums({"demo"}), worker="w0", index=0))
    clock.advance(10)
    board.put(told(sums=[], worker="w1", index=0))
    assert counted(board) == 1
    assert [worker.number for worker in board.heard()] == [0]


def test_a_worker_that_only_keeps_its_connection_is_not_heard() -> None:
    clock = FakeClock()
    board = RequestBoard(clock)
    board.put(told(index=3))
    spoke_at = clock.now()
    clock.advance(9)
    assert board.heard() == [(3, 4711, spoke_at)]
    clock.advance(1)
    assert board.heard() == []
    assert board.heard_at() == {4711: spoke_at}


def test_what_was_counted_before_this_process_is_no_news_to_it() -> None:
    trackers = Tracker(), Tracker()
    board = RequestBoard(FakeClock())
    found: list[float | None] = []
    for index, tracker in enumerate(trackers):
        for _ in range(1000):
            finish(tracker)
        board.put(told(sums=tracker.sums({"demo"}), worker=f"w{index}", was_heard=True))
        found.append(counted(board))
    finish(trackers[0])
    finish(trackers[0], deployment="new")
    board.put(told(sums=trackers[0].sums({"demo", "new"}), worker="w0", was_heard=True))
    assert [*found, counted(board)] == [0, 0, 2]


def test_a_worker_that_comes_back_after_long_counts_from_there() -> None:
    clock, tracker = FakeClock(), Tracker()
    board = RequestBoard(clock)
    finish(tracker)
    board.put(told(sums=tracker.sums({"demo"})))
    clock.advance(60)
    board.put(told(sums=[], worker="other"))
    for _ in range(50):
        finish(tracker)
    board.put(told(sums=tracker.sums({"demo"}), was_heard=True))
    assert counted(board) == 1


async def test_no_count_is_lost_with_the_workers_of_the_past() -> None:
    tracker = Tracker()
    finish(tracker)
    board = RequestBoard(FakeClock())
    for number in range(100):
        board.put(told(sums=tracker.sums({"demo"}), worker=f"w{number}"))
    wanted = "gateway_requests_total", (("deployment", "demo"), ("status", "2xx"))
    samples = await GatewayCollector(board).collect()
    assert Sample(*wanted, 100) in samples


def test_a_deployment_that_is_gone_is_no_label_any_more() -> None:
    tracker = Tracker()
    finish(tracker, deployment="old")
    open_one = begin(tracker, deployment="old")
    assert [sums.deployment for sums in tracker.sums({"demo"})] == ["old"]
    tracker.finish(open_one)
    assert tracker.sums({"demo"}) == []


def test_a_flood_is_counted_and_failures_stay_on_the_list() -> None:
    tracker = Tracker()
    finish(tracker, status=500)
    for _ in range(2 * MOST_ENDED):
        finish(tracker)
    ended, left_out = tracker.take_ended()
    assert len(ended) == MOST_ENDED + 1
    assert ended[0].status == 500
    assert left_out == MOST_ENDED


def test_keys_are_of_three_classes() -> None:
    assert PERSON.key_class == "user"
    assert PERSON._replace(is_service=True).key_class == "service"
    assert PERSON._replace(key=None).key_class == "session"


def test_bodies_under_way_and_untold_are_among_the_wanted_ones() -> None:
    tracker = Tracker()
    tracker.capture({"demo": 4}, [])
    for _ in range(2):
        begin(tracker)
    finish(tracker)
    tracker.capture({"demo": 4, "other": 2}, ["other"])  # the next order comes before they are told
    assert tracker.capturing == {"demo": 1, "other": 1}
    assert [begin(tracker).captured is not None for _ in range(2)] == [True, False]


def captured(number: int) -> Row:
    return over(number, bodies=Bodies("asked", "answered"))


def test_bodies_are_kept_as_long_and_as_many_as_was_asked() -> None:
    clock = FakeClock()
    captures = Captures(clock)
    assert captures.take(("w", 1), 1, captured(1)).bodies is None
    captures.start("demo", seconds=60, count=2, keep_seconds=3600, by="ada")
    assert captures.orders() == {"demo": 2}
    for number in (2, 2, 3, 4):
        assert captures.take(("w", number), 1, captured(number)).bodies is None
    assert [kept.place[1] for kept in captures.kept()] == [2, 3]
    assert captures.orders() == {}
    clock.advance(3601)
    assert list(captures.kept()) == []


def test_a_capture_ends_by_itself_and_takes_what_had_begun() -> None:
    clock = FakeClock()
    captures = Captures(clock)
    captures.start("demo", seconds=60, count=2, keep_seconds=86400, by="ada")
    clock.advance(61)
    assert captures.orders() == {}
    captures.take(("w", 1), 1, captured(1))
    assert len(list(captures.kept())) == 1


def test_bodies_can_be_erased_with_the_end_of_the_capture() -> None:
    captures = Captures(FakeClock())
    captures.start("demo", seconds=60, count=2, keep_seconds=60, by="ada")
    captures.take(("w", 1), 1, captured(1))
    captures.stop("demo", erase=False)
    assert len(list(captures.kept())) == 1
    captures.stop("demo", erase=True)
    assert list(captures.kept()) == []
