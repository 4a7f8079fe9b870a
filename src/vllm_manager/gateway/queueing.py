"""Slots of models: who has one, who waits for one and for how long, and whose turn it is next.

A model has as many slots as its deployment answers requests at once, over all workers. A request
that finds none waits in the worker that it came to; the workers let the same one of all that wait
go ahead. The order is a rank that a request gets when it comes: its moment, earlier by a third of
the longest wait for each class above the lowest. So a class goes before those below it, within one
it is first come, first served, and who has waited for two thirds of that time goes before everyone
who comes.

A slot that becomes free goes to the first in this worker, or its sibling is told. Every 50 ms, as
long as someone waits, a worker looks again at everything: nothing depends on that word.
"""

import asyncio
import logging
import math
import time
from bisect import bisect_left, insort
from collections.abc import Callable, Mapping
from enum import Enum, auto
from operator import attrgetter
from typing import NamedTuple

from vllm_manager.gateway.counts import Counts
from vllm_manager.gateway.directory import Model
from vllm_manager.gateway.nudges import Nudges
from vllm_manager.gateway.priorities import CLASSES

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 0.2
"""A slot that a sibling has left unused for this long is taken by the next in this worker."""
_MEMORY = 0.2
"""What the newest request weighs in how long one holds a slot."""
_EARLIEST_RANK = 1e6
"""Keeps ranks above 0, however lately the machine has started."""
_MOST_RETRY_SECONDS = 60.0
"""Clients of OpenAI's make wait no longer than this."""
_UNKNOWN_RETRY_SECONDS = 5.0


class End(Enum):
    """Why a request stopped waiting without a slot."""

    NO_QUEUE = auto()
    """There is none: the deployment lets nobody wait."""
    FULL = auto()
    DISPLACED = auto()
    """The queue was full, and one of a higher class came."""
    TOO_LONG = auto()
    NOT_READY = auto()
    STOPPING = auto()


class Terms(NamedTuple):
    """What a deployment says of its slots and of waiting for one."""

    slots: int
    most_waiting: int
    longest_wait_seconds: float


class TurnedAway(NamedTuple):
    """A request that got no slot."""

    end: End
    terms: Terms
    waited_seconds: float
    retry_after_seconds: float
    """In which those who wait will have had their turn, as it goes now."""


class Seat:
    """A request's slot, or its place in the queue for one. It is given back once."""

    __slots__ = ("_decided", "came_at", "class_", "held_since", "model", "rank", "turned_away")

    def __init__(self, model: str, class_: int, rank: float, came_at: float) -> None:
        self.model = model
        self.class_ = class_
        self.rank = rank
        self.came_at = came_at
        self.held_since: float | None = None
        """Since when it has a slot."""
        self.turned_away: TurnedAway | None = None
        self._decided: asyncio.Future[None] | None = None

    @property
    def is_waiting(self) -> bool:
        return self.held_since is None and self.turned_away is None

    @property
    def waited_seconds(self) -> float:
        """How long it waited, to its slot or in vain; 0 while it still does."""
        if self.held_since is not None:
            return self.held_since - self.came_at
        return 0.0 if self.turned_away is None else self.turned_away.waited_seconds

    async def decided(self) -> None:
        """Return when it has a slot, or was turned away."""
        if self.is_waiting:
            self._decided = asyncio.get_running_loop().create_future()
            await self._decided

    def hold(self, now: float) -> None:
        self.held_since = now
        self._tell()

    def turn_away(self, turned_away: TurnedAway) -> None:
        self.turned_away = turned_away
        self._tell()

    def _tell(self) -> None:
        if self._decided is not None and not self._decided.done():
            self._decided.set_result(None)


_rank = attrgetter("rank")


class _Queue:
    """What this worker knows of one model's slots."""

    __slots__ = ("column", "hold_seconds", "queued_columns", "terms", "unused_since", "waiting")

    def __init__(self, model: str, counts: Counts, terms: Terms) -> None:
        self.column = counts.column(model)
        self.queued_columns = [counts.column(_queued(model, each)) for each in CLASSES]
        self.terms = terms
        self.waiting: list[Seat] = []
        """The first goes ahead."""
        self.hold_seconds: float | None = None
        """How long a request holds a slot, of late."""
        self.unused_since: float | None = None
        """Since when a slot is free that a sibling's request should have."""

    def place_of(self, seat: Seat) -> int:
        place = bisect_left(self.waiting, seat.rank, key=_rank)
        while self.waiting[place] is not seat:
            place += 1
        return place


class Slots:
    """The slots of all models, as one worker has a part in them. Synchronous but for `run`."""

    def __init__(
        self,
        counts: Counts,
        nudges: Nudges | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counts = counts
        self._nudges = nudges or Nudges()
        self._monotonic = monotonic
        self._queues: dict[str, _Queue] = {}
        self._busy: set[str] = set()
        """The models for which somebody waits in this worker."""
        self._someone_waits = asyncio.Event()
        self._is_closed = False

    def queued(self, model: str) -> int:
        """Return how many requests wait for a slot of `model`, in all workers."""
        return sum(self._counts.total(_queued(model, each)) for each in CLASSES)

    def enter(self, model: str, terms: Terms, class_: int) -> Seat | TurnedAway:
        """Take a slot, or a place in the queue; or neither, and say why."""
        counts, now = self._counts, self._monotonic()
        queue = self._queues.get(model)
        if queue is None:
            queue = self._queues[model] = _Queue(model, counts, terms)
        queue.terms = terms
        step_seconds = terms.longest_wait_seconds / len(CLASSES)
        seat = Seat(model, class_, _EARLIEST_RANK + now - class_ * step_seconds, now)
        with counts.alone(queue.column):
            is_free = counts.total_in(queue.column) < terms.slots
            if is_free and counts.is_before_all(queue.column, seat.rank):
                counts.add_in(queue.column, 1)
                seat.held_since = now
                return seat
            end = self._no_place(queue, class_)
            if end is not None:
                return self._turned_away(queue, end, 0.0)
            insort(queue.waiting, seat, key=_rank)
            counts.add_in(queue.queued_columns[class_], 1)
            self._tell_rank(queue)
        self._busy.add(model)
        self._someone_waits.set()
        self._make_room(queue)
        if is_free:
            self._go_on(queue)
        return seat

    def leave(self, seat: Seat) -> None:
        """Give back what a seat is: to the next, where it is a slot."""
        queue = self._queues[seat.model]
        if seat.held_since is not None:
            held_seconds = self._monotonic() - seat.held_since
            before = queue.hold_seconds
            queue.hold_seconds = (
                held_seconds if before is None else before + _MEMORY * (held_seconds - before)
            )
            self._counts.add_in(queue.column, -1)
            if self._counts.whose_turn(queue.column) is not None:
                self._go_on(queue)
        elif seat.turned_away is None:
            self._take_out(queue, seat)

    def look(self, models: Mapping[str, Model]) -> None:
        """Let go ahead who may, and turn away who should wait no longer."""
        for name in list(self._busy):
            queue = self._queues[name]
            model = models.get(name)
            if self._is_closed:
                self._turn_all_away(queue, End.STOPPING)
            elif model is None or not model.endpoints:
                self._turn_all_away(queue, End.NOT_READY)
            else:
                queue.terms = terms_of(model) or queue.terms._replace(slots=1 << 30)
                self._expire(queue)
                self._make_room(queue)
                self._go_on(queue)
                self._pass_over(queue)
            if not queue.waiting:
                self._busy.discard(name)
        if not self._busy:
            self._someone_waits.clear()

    def close(self) -> None:
        """Turn everybody away, and from now on whoever would have to wait."""
        self._is_closed = True
        self.look({})

    async def run(self, models: Callable[[], Mapping[str, Model]]) -> None:
        """Look for ever: when a sibling sends word, and every 50 ms while somebody waits."""
        loop = asyncio.get_running_loop()
        self._nudges.listen(loop, lambda: self.look(models()))
        while True:
            await self._someone_waits.wait()
            await asyncio.sleep(LOOK_SECONDS)
            try:
                self.look(models())
            except Exception:
                log.exception("a look at the queues failed: the next one follows")

    # Whose turn it is

    def _go_on(self, queue: _Queue, *, passing_over: bool = False) -> None:
        """Hand free slots to those whose turn it is, as far as they wait here."""
        counts, column = self._counts, queue.column
        while True:
            with counts.alone(column):
                turn = counts.whose_turn(column)
                if turn is None or counts.total_in(column) >= queue.terms.slots:
                    queue.unused_since = None
                    return
                if not queue.waiting or not (passing_over or turn == counts.worker):
                    break
                seat = queue.waiting.pop(0)
                counts.add_in(column, 1)
                self._forget(queue, seat)
            seat.hold(self._monotonic())
        self._nudges.send(turn)
        if queue.unused_since is None:
            queue.unused_since = self._monotonic()

    def _pass_over(self, queue: _Queue) -> None:
        """Go on without a sibling that has not moved: it may hang."""
        since = queue.unused_since
        if since is not None and self._monotonic() - since >= _PATIENCE_SECONDS:
            self._go_on(queue, passing_over=True)

    # Who may wait, and how long

    def _no_place(self, queue: _Queue, class_: int) -> End | None:
        """Return why one of this class may not wait. Those of lower classes make room for it."""
        most = queue.terms.most_waiting
        if most == 0:
            return End.NO_QUEUE
        if self._is_closed:
            return End.STOPPING
        ahead = sum(self._counts.total_in(each) for each in queue.queued_columns[class_:])
        return End.FULL if ahead >= most else None

    def _make_room(self, queue: _Queue) -> None:
        """Turn away the newest of the lowest class while more wait than may."""
        counts = self._counts
        while True:
            with counts.alone(queue.column):
                waiting = [counts.total_in(each) for each in queue.queued_columns]
                if sum(waiting) <= queue.terms.most_waiting:
                    return
                lowest = next(class_ for class_, number in enumerate(waiting) if number)
                own = [seat for seat in queue.waiting if seat.class_ == lowest]
                if not own:
                    break
                seat = own[-1]
                queue.waiting.remove(seat)
                self._forget(queue, seat)
            self._turn_away(queue, seat, End.DISPLACED)
        self._nudges.send_all()

    def _expire(self, queue: _Queue) -> None:
        until = self._monotonic() - queue.terms.longest_wait_seconds
        for seat in [seat for seat in queue.waiting if seat.came_at <= until]:
            self._take_out(queue, seat)
            self._turn_away(queue, seat, End.TOO_LONG)

    def _turn_all_away(self, queue: _Queue, end: End) -> None:
        for seat in list(queue.waiting):
            self._take_out(queue, seat)
            self._turn_away(queue, seat, end)

    def _take_out(self, queue: _Queue, seat: Seat) -> None:
        with self._counts.alone(queue.column):
            del queue.waiting[queue.place_of(seat)]
            self._forget(queue, seat)

    def _forget(self, queue: _Queue, seat: Seat) -> None:
        self._counts.add_in(queue.queued_columns[seat.class_], -1)
        self._tell_rank(queue)

    def _tell_rank(self, queue: _Queue) -> None:
        first = queue.waiting[0].rank if queue.waiting else None
        self._counts.tell_rank(queue.column, first)

    def _turn_away(self, queue: _Queue, seat: Seat, end: End) -> None:
        waited_seconds = self._monotonic() - seat.came_at
        seat.turn_away(self._turned_away(queue, end, waited_seconds))

    def _turned_away(self, queue: _Queue, end: End, waited_seconds: float) -> TurnedAway:
        waiting = sum(self._counts.total_in(each) for each in queue.queued_columns)
        retry = retry_seconds(queue.hold_seconds, queue.terms.slots, waiting)
        return TurnedAway(end, queue.terms, waited_seconds, retry)


def retry_seconds(hold_seconds: float | None, slots: int, waiting: int) -> float:
    """Return in which time those who wait and one more get a slot, between 1 s and a minute.

    By Little's law `slots / hold_seconds` requests end in a second. None: none has ended yet.
    """
    if hold_seconds is None:
        return _UNKNOWN_RETRY_SECONDS
    expected = math.ceil((waiting + 1) * hold_seconds / slots)
    return min(max(1.0, expected), _MOST_RETRY_SECONDS)


def terms_of(model: Model) -> Terms | None:
    """Return what a deployment says of its slots; None where it has no bound."""
    entry = model.entry
    if entry.max_concurrent_requests is None:
        return None
    return Terms(entry.max_concurrent_requests, entry.max_queued_requests, entry.queue_wait_seconds)


def _queued(model: str, class_: int) -> str:
    return f"queued {model} {class_}"
