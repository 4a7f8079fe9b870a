"""Who waits for a slot, for how long, and whose turn it is: in one worker, and over several."""

import asyncio
from collections.abc import Generator

import pytest

from fakes.clock import FakeClock
from support.control_plane import model
from vllm_manager.gateway.counts import clear_row, create_private, create_shared, open_shared
from vllm_manager.gateway.directory import Directory, Model
from vllm_manager.gateway.nudges import Nudges, create_pipes
from vllm_manager.gateway.priorities import NORMAL, PRIORITIES
from vllm_manager.gateway.queueing import End, Seat, Slots, Terms, TurnedAway
from vllm_manager.gateway.snapshot import ModelEntry, Snapshot

LOW, HIGH = PRIORITIES["low"], PRIORITIES["high"]
TERMS = Terms(slots=1, most_waiting=4, longest_wait_seconds=30)
ENDPOINT = {"replica_id": "r1", "url": "http://127.0.0.1:9000", "secret": "s"}


class Worker:
    """One worker's part in the slots of “demo”."""

    def __init__(self, slots: Slots, clock: FakeClock) -> None:
        self.slots = slots
        self.clock = clock

    def come(self, priority: int = NORMAL, terms: Terms = TERMS) -> Seat:
        """Come a moment after all others, and get a slot or a place."""
        self.clock.advance(0.001)
        seat = self.slots.enter("demo", terms, priority)
        assert isinstance(seat, Seat)
        return seat

    def refused(self, priority: int = NORMAL, terms: Terms = TERMS) -> TurnedAway:
        away = self.slots.enter("demo", terms, priority)
        assert isinstance(away, TurnedAway)
        return away

    def look(self, terms: Terms = TERMS, **entry: object) -> None:
        self.slots.look(models(terms, **entry))

    def end(self, seat: Seat) -> None:
        self.slots.leave(seat)


def models(terms: Terms = TERMS, **entry: object) -> dict[str, Model]:
    told = {
        "max_concurrent_requests": terms.slots,
        "max_queued_requests": terms.most_waiting,
        "queue_wait_seconds": terms.longest_wait_seconds,
        **entry,
    }
    directory = Directory()
    made = ModelEntry(**{**model(), **told})  # pyright: ignore[reportArgumentType]
    directory.update(Snapshot(version=1, epoch="one", models={"demo": made}))
    found = directory.models["demo"]
    return {"demo": found._replace(endpoints=[object()])}  # pyright: ignore[reportArgumentType]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def one(clock: FakeClock) -> Worker:
    return Worker(Slots(create_private(), monotonic=clock.monotonic), clock)


class Siblings:
    """Workers that share their counts; they hear from each other when a test lets them."""

    def __init__(self, clock: FakeClock, descriptor: int, count: int) -> None:
        self.descriptor = descriptor
        self.all = [
            Worker(
                Slots(open_shared(descriptor, index), Heard(self, index), clock.monotonic), clock
            )
            for index in range(count)
        ]
        self.nudged: set[int] = set()

    def hear(self) -> None:
        """Let those that were sent word look, until there is none to hear."""
        while self.nudged:
            self.all[self.nudged.pop()].look()


class Heard(Nudges):
    """Keeps who was sent word."""

    def __init__(self, siblings: Siblings, own: int) -> None:
        super().__init__()
        self._siblings = siblings
        self._own = own

    def send(self, worker: int) -> None:
        self._siblings.nudged.add(worker)

    def send_all(self) -> None:
        self._siblings.nudged.update(set(range(len(self._siblings.all))) - {self._own})


@pytest.fixture
def two(clock: FakeClock) -> Generator[Siblings]:
    with create_shared(2) as shared:
        yield Siblings(clock, shared.fileno(), 2)


def order(worker: Worker, waiting: dict[str, Seat], slot: Seat) -> list[str]:
    """End one request after another; return in which order the waiting ones got the slot."""
    found: list[str] = []
    while True:
        worker.end(slot)
        turn = [name for name, seat in waiting.items() if not seat.is_waiting and name not in found]
        if not turn:
            return found
        found += turn
        slot = waiting[turn[0]]


def test_classes_go_before_those_below_and_within_one_it_is_first_come_first_served(
    one: Worker,
) -> None:
    slot = one.come()
    waiting = {
        "low": one.come(LOW),
        "normal 1": one.come(),
        "high": one.come(HIGH),
        "normal 2": one.come(),
    }
    assert one.slots.queued("demo") == 4
    assert order(one, waiting, slot) == ["high", "normal 1", "normal 2", "low"]
    assert one.slots.queued("demo") == 0


def test_who_has_waited_for_two_thirds_of_the_time_goes_before_everyone_who_comes(
    one: Worker, clock: FakeClock
) -> None:
    slot = one.come()
    low = one.come(LOW)
    clock.advance(10.1)
    normal, high = one.come(), one.come(HIGH)
    clock.advance(9.9)
    late = one.come(HIGH)
    waiting = {"low": low, "normal": normal, "high": high, "late": late}
    assert order(one, waiting, slot) == ["high", "low", "late", "normal"]


def test_a_full_queue_turns_away_who_comes(one: Worker) -> None:
    one.come()
    for _ in range(4):
        one.come()
    assert one.refused().end is End.FULL
    assert one.slots.queued("demo") == 4


def test_a_full_queue_makes_room_for_a_higher_class(one: Worker) -> None:
    one.come()
    waiting = [one.come(each) for each in (LOW, NORMAL, LOW, NORMAL)]
    highs = [one.come(HIGH) for _ in range(3)]
    assert [seat.turned_away is not None for seat in waiting] == [True, False, True, True]
    assert [seat.is_waiting for seat in highs] == [True] * 3
    away = waiting[0].turned_away
    assert away is not None
    assert away.end is End.DISPLACED
    assert one.refused(NORMAL).end is End.FULL
    assert one.slots.queued("demo") == 4


def test_without_a_queue_nobody_waits(one: Worker) -> None:
    terms = TERMS._replace(most_waiting=0)
    slot = one.come(terms=terms)
    assert one.refused(HIGH, terms).end is End.NO_QUEUE
    one.end(slot)
    one.come(terms=terms)


def test_nobody_waits_longer_than_the_deadline(one: Worker, clock: FakeClock) -> None:
    one.come()
    early = one.come()
    clock.advance(29)
    late = one.come()
    one.look()
    assert early.is_waiting
    clock.advance(1)
    one.look()
    assert early.turned_away is not None
    assert early.turned_away.end is End.TOO_LONG
    assert early.turned_away.waited_seconds == pytest.approx(30, abs=0.1)
    assert late.is_waiting


def test_who_leaves_while_waiting_makes_room_and_loses_no_slot(one: Worker) -> None:
    slot = one.come()
    first, second = one.come(), one.come()
    one.end(first)
    assert one.slots.queued("demo") == 1
    one.end(slot)
    assert second.held_since is not None
    one.end(second)
    assert one.come().held_since is not None


def test_who_leaves_with_the_slot_that_just_came_gives_it_to_the_next(one: Worker) -> None:
    slot = one.come()
    first, second = one.come(), one.come()
    one.end(slot)
    one.end(first)  # has the slot, but left before it could use it
    assert second.held_since is not None


def test_who_was_turned_away_gives_back_nothing(one: Worker, clock: FakeClock) -> None:
    one.come()
    seat = one.come()
    clock.advance(30)
    one.look()
    one.end(seat)
    assert one.slots.queued("demo") == 0
    assert one.come().is_waiting


@pytest.mark.parametrize("gone", [{}, {"other": models()["demo"]}])
def test_a_model_that_is_no_longer_there_lets_nobody_wait(
    one: Worker, gone: dict[str, Model]
) -> None:
    one.come()
    seat = one.come()
    one.slots.look(gone)
    assert seat.turned_away is not None
    assert seat.turned_away.end is End.NOT_READY


def test_a_gateway_that_stops_lets_nobody_wait(one: Worker) -> None:
    slot = one.come()
    seat = one.come()
    one.slots.close()
    assert seat.turned_away is not None
    assert seat.turned_away.end is End.STOPPING
    assert one.refused().end is End.STOPPING
    one.end(slot)
    assert one.come().held_since is not None


def test_a_bound_that_is_raised_or_taken_away_lets_go_ahead_who_waits(one: Worker) -> None:
    one.come()
    first, second, third = one.come(), one.come(), one.come()
    one.look(TERMS._replace(slots=2))
    assert [seat.is_waiting for seat in (first, second, third)] == [False, True, True]
    one.look(max_concurrent_requests=None)
    assert not second.is_waiting
    assert not third.is_waiting


async def test_waiting_ends_with_the_slot_and_when_turned_away(one: Worker) -> None:
    slot = one.come()
    served, left = one.come(), one.come()
    waits = [asyncio.create_task(seat.decided()) for seat in (served, left)]
    await asyncio.sleep(0)
    one.end(slot)
    await waits[0]
    assert served.held_since is not None
    assert not waits[1].done()
    one.slots.close()
    await waits[1]


# Over several workers


def test_workers_share_the_slots_exactly(two: Siblings) -> None:
    terms = TERMS._replace(slots=3, most_waiting=10)
    seats = [two.all[number % 2].come(terms=terms) for number in range(8)]
    assert sum(seat.held_since is not None for seat in seats) == 3
    assert {worker.slots.queued("demo") for worker in two.all} == {5}


def test_the_order_is_the_same_over_all_workers(two: Siblings) -> None:
    one, other = two.all
    slot = one.come()
    waiting = {
        "low": (one, one.come(LOW)),
        "normal 1": (other, other.come()),
        "high": (other, other.come(HIGH)),
        "normal 2": (one, one.come()),
    }
    found: list[str] = []
    holder = (one, slot)
    while len(found) < len(waiting):
        holder[0].end(holder[1])
        two.hear()
        [turn] = [n for n, (_, s) in waiting.items() if not s.is_waiting and n not in found]
        found.append(turn)
        holder = waiting[turn]
    assert found == ["high", "normal 1", "normal 2", "low"]


def test_nobody_who_comes_passes_those_who_wait_in_a_sibling(two: Siblings) -> None:
    one, other = two.all
    slot = one.come()
    waiting = other.come()
    one.end(slot)  # the sibling was told, but did not look yet
    newcomer = one.come()
    assert newcomer.is_waiting
    two.hear()
    assert waiting.held_since is not None
    assert newcomer.is_waiting


def test_a_slot_is_taken_without_any_word_when_the_sibling_looks(two: Siblings) -> None:
    one, other = two.all
    slot = one.come()
    waiting = other.come()
    one.end(slot)
    two.nudged.clear()  # the word was lost
    other.look()
    assert waiting.held_since is not None


def test_a_sibling_that_hangs_is_passed_over(two: Siblings, clock: FakeClock) -> None:
    one, other = two.all
    slot = one.come()
    hanging = other.come()
    behind = one.come()
    one.end(slot)
    one.look()
    assert behind.is_waiting
    clock.advance(0.2)
    one.look()
    assert behind.held_since is not None
    assert hanging.is_waiting


def test_who_waited_in_a_worker_that_died_holds_up_nobody(two: Siblings) -> None:
    one, other = two.all
    other.come()
    other.come(HIGH)
    waiting = one.come()
    clear_row(two.descriptor, 1)
    one.look()
    assert waiting.held_since is not None
    assert one.slots.queued("demo") == 0


def test_a_higher_class_displaces_those_of_a_sibling(two: Siblings) -> None:
    one, other = two.all
    one.come()
    lows = [other.come(LOW) for _ in range(4)]
    high = one.come(HIGH)
    two.hear()
    assert high.is_waiting
    assert [seat.is_waiting for seat in lows] == [True, True, True, False]
    assert one.slots.queued("demo") == 4


async def test_word_reaches_the_sibling(clock: FakeClock) -> None:
    pipes = create_pipes(2)
    heard = asyncio.Event()
    Nudges(pipes, 1).listen(asyncio.get_running_loop(), heard.set)
    for _ in range(100_000):  # more than a pipe holds
        Nudges(pipes, 0).send_all()
    await asyncio.wait_for(heard.wait(), 10)
    asyncio.get_running_loop().remove_reader(pipes[1][0])


def test_how_long_requests_take_is_learned(one: Worker, clock: FakeClock) -> None:
    slot = one.come()
    clock.advance(6)
    one.end(slot)
    one.come()
    for _ in range(4):
        one.come()
    assert one.refused().retry_after_seconds == pytest.approx(30, abs=1)
