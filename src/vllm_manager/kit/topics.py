"""A hub of topics in memory: numbered messages, a bounded past for replay, bounded queues."""

import asyncio
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """One published fact. `id` grows by one per message over all topics of a hub."""

    id: int
    topic: str
    event: str
    data: dict[str, Any]


class Subscription:
    """What one subscriber has yet to read. Overflow drops the queue and sets `lost`."""

    def __init__(self, hub: "Hub", topics: Collection[str], capacity: int) -> None:
        self.topics = frozenset(topics)
        self.lost = False
        self._hub = hub
        self._queue: deque[Message] = deque()
        self._capacity = capacity
        self._wake = asyncio.Event()

    def offer(self, message: Message) -> None:
        """Queue `message` if its topic is wanted. A reader too slow loses all and is told so."""
        if message.topic not in self.topics:
            return
        if len(self._queue) >= self._capacity:
            self._queue.clear()
            self.lost = True
        self._queue.append(message)
        self._wake.set()

    async def wait(self, timeout_seconds: float) -> list[Message]:
        """Return what is queued, waiting up to `timeout_seconds` for the first; may be empty."""
        if not self._queue:
            self._wake.clear()
            try:
                # Not `wait_for`: Python 3.11's swallows a cancellation that comes with the event.
                async with asyncio.timeout(timeout_seconds):
                    await self._wake.wait()
            except TimeoutError:
                return []
        messages = list(self._queue)
        self._queue.clear()
        return messages

    def close(self) -> None:
        """Stop receiving. Safe to call twice."""
        self._hub.remove(self)


class Hub:
    """Publishes messages to subscribers and remembers the last `past` of them.

    `epoch` names this hub's life: ids of another epoch can't be replayed.
    """

    def __init__(self, epoch: str, past: int = 2048) -> None:
        self.epoch = epoch
        self._last_id = 0
        self._past: deque[Message] = deque(maxlen=past)
        self._subscriptions: set[Subscription] = set()

    @property
    def last_id(self) -> int:
        return self._last_id

    @property
    def subscriber_count(self) -> int:
        return len(self._subscriptions)

    def publish(self, topic: str, event: str, data: dict[str, Any]) -> None:
        """Number a message and hand it to everyone who wants its topic. Never blocks."""
        self._last_id += 1
        message = Message(self._last_id, topic, event, data)
        self._past.append(message)
        for subscription in self._subscriptions:
            subscription.offer(message)

    def tell(self, topic: str, event: str, data: dict[str, Any]) -> None:
        """Hand out what is of use now only: it has no number of its own and is never replayed."""
        message = Message(self._last_id, topic, event, data)
        for subscription in self._subscriptions:
            subscription.offer(message)

    def is_wanted(self, topic: str) -> bool:
        """Whether anybody listens to a topic now."""
        return any(topic in subscription.topics for subscription in self._subscriptions)

    def subscribe(self, topics: Collection[str], capacity: int = 1024) -> Subscription:
        """Return a subscription to `topics` from now on; the caller must `close` it."""
        subscription = Subscription(self, topics, capacity)
        self._subscriptions.add(subscription)
        return subscription

    def remove(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)

    def replay(self, after_id: int, topics: Collection[str]) -> list[Message] | None:
        """Return the messages of `topics` after `after_id`, or None where the past is too short."""
        if after_id > self._last_id:
            return None
        if after_id < self._last_id and (not self._past or self._past[0].id > after_id + 1):
            return None
        return [m for m in self._past if m.id > after_id and m.topic in topics]
