"""What all workers have counted together since this process began: it only ever grows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from vllm_manager.gateway.requests.wire import Histogram, Sums

K = TypeVar("K", bound=str)


class Totals:
    """Adds up what each worker has counted since it was heard before.

    Of a worker that was heard by an earlier process, what it says first is where counting begins:
    it counted that before, and nobody knows when.
    """

    def __init__(self) -> None:
        self._before: dict[str, Mapping[str, Sums]] = {}
        """What each worker said last, by deployment."""
        self._whole: dict[str, Sums] = {}

    def add(self, worker: str, sums: Sequence[Sums], *, was_heard: bool) -> None:
        """Take what a worker has counted since it began."""
        before = self._before.get(worker)
        now = {one.deployment: one for one in sums}
        for name, one in now.items():
            unknown = one if before is None and was_heard else None
            earlier = unknown if before is None else before.get(name)
            if earlier != one or name not in self._whole:
                self._whole[name] = _grown(self._whole.get(name), one, earlier)
        self._before[worker] = now
        if before is not None and before.keys() - now.keys():
            self._forget_deployments()

    def forget(self, worker: str) -> None:
        """Keep what a worker counted, and nothing else of it."""
        self._before.pop(worker, None)

    def all(self) -> Iterator[Sums]:
        """Yield what was counted of each deployment."""
        yield from self._whole.values()

    def _forget_deployments(self) -> None:
        named = {name for sums in self._before.values() for name in sums}
        self._whole = {name: whole for name, whole in self._whole.items() if name in named}


def _grown(whole: Sums | None, now: Sums, before: Sums | None) -> Sums:
    whole, before = whole or _nothing(now), before or _nothing(now)
    return Sums(
        now.deployment,
        _counts(whole.answered, now.answered, before.answered),
        _histogram(whole.seconds, now.seconds, before.seconds),
        _histogram(whole.ttft, now.ttft, before.ttft),
        _counts(whole.tokens_in, now.tokens_in, before.tokens_in),
        _counts(whole.tokens_out, now.tokens_out, before.tokens_out),
        under_way=0,
        queued=0,
    )


def _nothing(like: Sums) -> Sums:
    seconds = Histogram([0] * len(like.seconds.counts), 0.0)
    ttft = Histogram([0] * len(like.ttft.counts), 0.0)
    return Sums(like.deployment, {}, seconds, ttft, {}, {}, under_way=0, queued=0)


def _counts(whole: dict[K, int], now: dict[K, int], before: dict[K, int]) -> dict[K, int]:
    return whole | {
        name: whole.get(name, 0) + more(count, before.get(name, 0)) for name, count in now.items()
    }


def _histogram(whole: Histogram, now: Histogram, before: Histogram) -> Histogram:
    columns = zip(whole.counts, now.counts, before.counts, strict=False)
    counts = [sum_ + more(count, old) for sum_, count, old in columns]
    return Histogram(counts, whole.total + more(now.total, before.total))


Count = TypeVar("Count", int, float)


def more(now: Count, before: Count) -> Count:
    """Return by how much a counter has grown; one that is lower than it was began anew, at 0."""
    return now - before if now >= before else now
