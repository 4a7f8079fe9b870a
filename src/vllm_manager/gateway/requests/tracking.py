"""Follows one worker's requests: those under way, those that ended lately, and their sums."""

import asyncio
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain, islice
from time import perf_counter, time
from typing import Final

from vllm_manager.gateway.balance import Endpoint
from vllm_manager.gateway.identity import Asker
from vllm_manager.gateway.requests.bodies import Captured
from vllm_manager.gateway.requests.wire import (
    SECONDS_BOUNDS,
    TTFT_BOUNDS,
    UNKNOWN_DEPLOYMENT,
    Histogram,
    KeyClass,
    RequestState,
    Row,
    Sums,
)
from vllm_manager.gateway.taps import UNKNOWN, BodyTap, EventTap, Usage
from vllm_manager.kit.endings import STATUS_CLASSES, Outcome, StatusClass, status_class

MOST_ENDED: Final = 500
"""Of those that ended well, and of the others, between two looks at them."""
MOST_ROWS: Final = 1000
"""Requests under way that are told one by one: the longest."""
_MOST_DEPLOYMENTS: Final = 2000
_MOST_ADDRESS: Final = 64

Peer = tuple[str, int] | None
Address = Callable[[Peer, bytes | None], str]
"""Returns the client's address; slow behind a proxy, so it is only asked for what is told."""


class Tally:
    """Counts of one deployment since the worker began."""

    __slots__ = ("answered", "deployment", "seconds", "tokens", "total", "ttft", "ttft_total")

    def __init__(self, deployment: str) -> None:
        self.deployment = deployment
        self.answered: dict[StatusClass, int] = dict.fromkeys(STATUS_CLASSES, 0)
        self.seconds = [0] * len(SECONDS_BOUNDS)
        self.total = 0.0
        self.ttft = [0] * len(TTFT_BOUNDS)
        self.ttft_total = 0.0
        self.tokens: dict[KeyClass, tuple[int, int]] = {}
        """In and out, by class of key."""

    def sums(self, under_way: int, queued: int) -> Sums:
        return Sums(
            self.deployment,
            dict(self.answered),
            Histogram(list(self.seconds), self.total),
            Histogram(list(self.ttft), self.ttft_total),
            {key_class: tokens[0] for key_class, tokens in self.tokens.items()},
            {key_class: tokens[1] for key_class, tokens in self.tokens.items()},
            under_way,
            queued,
        )


class Tracked:
    """One request, from the moment that its model is known.

    Who works on it writes what happens into it: cheaper than telling anybody. It is `queued` until
    it has an `endpoint`, so who makes it wait has nothing to say.
    """

    __slots__ = (
        "asker", "captured", "endpoint", "first_token_seconds", "forwarded", "id", "is_cancelled",
        "model", "number", "outcome", "path", "peer", "seconds", "started", "started_at", "status",
        "stream", "tally", "tap", "task", "usage",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        id_: bytes,
        path: str,
        model: str,
        stream: bool,
        asker: Asker,
        peer: Peer,
        forwarded: bytes | None,
        tally: Tally,
    ) -> None:
        self.number = number
        self.id = id_
        self.path = path
        self.model = model
        self.stream = stream
        self.asker = asker
        self.peer = peer
        self.forwarded = forwarded
        self.tally = tally
        self.started = perf_counter()
        self.started_at = time()
        self.endpoint: Endpoint | None = None
        self.first_token_seconds: float | None = None
        self.tap: BodyTap | EventTap | None = None
        self.usage: Usage = UNKNOWN
        self.status = 0
        self.outcome: Outcome = "ok"
        self.seconds: float | None = None
        """How long it took, once it is over."""
        self.captured: Captured | None = None
        self.task: asyncio.Task[object] | None = None
        """What is to be cancelled, while it can be."""
        self.is_cancelled = False

    @property
    def state(self) -> RequestState:
        if self.seconds is not None:
            return "done" if self.outcome == "ok" else self.outcome
        if self.endpoint is None:
            return "queued"
        if not self.stream:
            return "working"  # a whole answer does not tell prefill from decode
        return "prefill" if self.first_token_seconds is None else "decode"

    def row(self, address: Address) -> Row:
        """Return it as it is told to the control plane."""
        is_over = self.seconds is not None
        tap, usage = self.tap, self.usage
        made = tap.events if isinstance(tap, EventTap) else None
        return Row(
            number=self.number,
            id=self.id.decode("latin-1"),
            deployment=self.tally.deployment,
            model=self.model,
            path=self.path,
            stream=self.stream,
            state=self.state,
            started_at=self.started_at,
            seconds=self.seconds if self.seconds is not None else perf_counter() - self.started,
            user=self.asker.user,
            key_class=self.asker.key_class,
            replica=self.endpoint.entry.replica_id if self.endpoint else None,
            ttft_seconds=self.first_token_seconds if self.stream else None,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens if is_over else made,
            cached_tokens=usage.cached_tokens,
            team=self.asker.team,
            key=self.asker.key,
            client=address(self.peer, self.forwarded)[:_MOST_ADDRESS],
            status=(self.status or None) if is_over else None,
            status_class=status_class(self.status, self.outcome) if is_over else None,
            bodies=self.captured.redacted() if is_over and self.captured is not None else None,
        )


class Tracker:
    """All requests of a worker. On the path of each are `begin` and `finish`, and nothing more."""

    def __init__(self) -> None:
        self.open: dict[int, Tracked] = {}
        """By number, so the longest first."""
        self.capturing: dict[str, int] = {}
        """Deployments whose bodies are wanted, and of how many more requests."""
        self._number = 0
        self._tallies: dict[str, Tally] = {}
        self._ended: deque[Tracked] = deque(maxlen=MOST_ENDED)
        self._failed: deque[Tracked] = deque(maxlen=MOST_ENDED)
        self._ended_count = 0

    def begin(
        self,
        id_: bytes,
        path: str,
        deployment: str,
        model: str,
        stream: bool,
        asker: Asker,
        peer: Peer,
        forwarded: bytes | None,
        body: bytes,
    ) -> Tracked:
        """Return a request that is under way from now on; `finish` must be called on every way."""
        self._number = number = self._number + 1
        tally = self._tallies.get(deployment) or self._tally(deployment)
        tracked = Tracked(number, id_, path, model, stream, asker, peer, forwarded, tally)
        self.open[number] = tracked
        if self.capturing:
            self._capture(tracked, body)
        return tracked

    def finish(self, tracked: Tracked) -> None:
        """Count a request that is over, by what stands in it. Call it once."""
        del self.open[tracked.number]
        tracked.tap = tracked.task = None
        tracked.seconds = seconds = perf_counter() - tracked.started
        tally, usage = tracked.tally, tracked.usage
        kind = status_class(tracked.status, tracked.outcome)
        tally.answered[kind] += 1
        tally.seconds[bisect_left(SECONDS_BOUNDS, seconds)] += 1
        tally.total += seconds
        first = tracked.first_token_seconds
        if tracked.stream and first is not None and tracked.status < 400:
            tally.ttft[bisect_left(TTFT_BOUNDS, first)] += 1
            tally.ttft_total += first
        key_class = tracked.asker.key_class
        had = tally.tokens.get(key_class, (0, 0))
        more_in, more_out = usage.prompt_tokens or 0, usage.completion_tokens or 0
        tally.tokens[key_class] = had[0] + more_in, had[1] + more_out
        self._ended_count += 1
        (self._ended if kind == "2xx" else self._failed).append(tracked)

    def count_refused(self, status: int) -> None:
        """Count a request that was refused before its model was known, or for an unknown one."""
        tally = self._tallies.get(UNKNOWN_DEPLOYMENT) or self._tally(UNKNOWN_DEPLOYMENT)
        tally.answered[status_class(status, "refused")] += 1

    def cancel(self, number: int) -> None:
        """Break a request off, if it is still under way."""
        tracked = self.open.get(number)
        if tracked is None or tracked.is_cancelled or tracked.task is None:
            return
        tracked.is_cancelled = True
        tracked.task.cancel()

    def capture(self, wanted: Mapping[str, int], untold: Iterable[str]) -> None:
        """Capture the bodies of so many more requests, by deployment.

        The control plane does not know yet of those that are under way, have just ended, or are in
        `untold` (the deployment of each): they are among the wanted ones.
        """
        several = (self.open.values(), self._ended, self._failed)
        taken = Counter(one.tally.deployment for one in chain(*several) if one.captured is not None)
        taken.update(untold)
        self.capturing = {name: count - taken[name] for name, count in wanted.items()}

    def take_ended(self) -> tuple[list[Tracked], int]:
        """Return what has ended since the last call, and how many more did than are kept."""
        ended = [*self._failed, *self._ended]
        self._failed.clear()
        self._ended.clear()
        left_out, self._ended_count = self._ended_count - len(ended), 0
        return ended, left_out

    def longest(self) -> Iterator[Tracked]:
        """Yield those under way that are told one by one."""
        return islice(self.open.values(), MOST_ROWS)

    def sums(self, deployments: Collection[str]) -> list[Sums]:
        """Return all counts; those of deployments that are gone, and idle, are forgotten."""
        under_way: dict[str, int] = {}
        queued: dict[str, int] = {}
        for tracked in self.open.values():
            name = tracked.tally.deployment
            under_way[name] = under_way.get(name, 0) + 1
            if tracked.endpoint is None:
                queued[name] = queued.get(name, 0) + 1
        self._tallies = {
            name: tally
            for name, tally in self._tallies.items()
            if name == UNKNOWN_DEPLOYMENT or name in deployments or name in under_way
        }
        return [
            tally.sums(under_way.get(name, 0), queued.get(name, 0))
            for name, tally in self._tallies.items()
        ]

    def _tally(self, deployment: str) -> Tally:
        if len(self._tallies) >= _MOST_DEPLOYMENTS:
            deployment = UNKNOWN_DEPLOYMENT
        return self._tallies.setdefault(deployment, Tally(deployment))

    def _capture(self, tracked: Tracked, body: bytes) -> None:
        wanted = self.capturing.get(tracked.tally.deployment, 0)
        if wanted > 0:
            self.capturing[tracked.tally.deployment] = wanted - 1
            tracked.captured = Captured(body)
