"""Turns a batch's records into the sums that are added to the tables."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from vllm_manager.kit.endings import status_class
from vllm_manager.limits.durations import BUCKETS, bucket_of
from vllm_manager.limits.schemas import UsageRecord
from vllm_manager.limits.spans import HOUR_SECONDS
from vllm_manager.limits.tables import LATENCY, TTFT


class Who(NamedTuple):
    """What one row of `usage_series` stands for."""

    key_id: str
    user_id: str
    team_id: str
    model: str
    base: str
    """The model whose adapter `model` is; empty where it is none."""


class Slot(NamedTuple):
    """What is summed together."""

    hour: int
    """Since 1970."""
    who: Who


def _no_counts() -> list[int]:
    return [0] * BUCKETS


@dataclass(slots=True)
class Sums:
    """What was counted in one slot. Durations are of requests that succeeded.

    What the gateway refused is no part of `requests`: it is `limited` (429), `turned_away` (503)
    or `refused` (the rest).
    """

    requests: int = 0
    errors: int = 0
    server_errors: int = 0
    client_left: int = 0
    cancelled: int = 0
    limited: int = 0
    turned_away: int = 0
    refused: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    latency_ms: int = 0
    ttft_ms: int = 0
    latency: list[int] = field(default_factory=_no_counts)
    ttft: list[int] = field(default_factory=_no_counts)

    def count(self, record: UsageRecord) -> None:
        """Add one request, or so many refusals as the record tells."""
        if record.refusals:
            self._count_refusals(record)
        else:
            self._count_request(record)

    def _count_refusals(self, record: UsageRecord) -> None:
        if record.status == 429:
            self.limited += record.refusals
        elif record.status >= 500:
            self.turned_away += record.refusals
        else:
            self.refused += record.refusals

    def _count_request(self, record: UsageRecord) -> None:
        ended = status_class(record.status, record.outcome)
        self.requests += 1
        self.errors += ended in ("4xx", "5xx")
        self.server_errors += ended == "5xx"
        self.client_left += ended == "client_left"
        self.cancelled += ended == "cancelled"
        self.prompt_tokens += record.prompt_tokens or 0
        self.completion_tokens += record.completion_tokens or 0
        self.cached_tokens += record.cached_tokens or 0
        if ended == "2xx" and record.seconds is not None:
            self.latency_ms += round(record.seconds * 1000)
            self.latency[bucket_of(record.seconds)] += 1
        # Of an answer that comes whole, nobody knows when its first token was there.
        if ended == "2xx" and record.stream and record.first_token_seconds is not None:
            self.ttft_ms += round(record.first_token_seconds * 1000)
            self.ttft[bucket_of(record.first_token_seconds)] += 1

    def add(self, other: "Sums") -> None:
        """Add what was counted in another slot."""
        for name in _SCALARS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.latency = [a + b for a, b in zip(self.latency, other.latency, strict=True)]
        self.ttft = [a + b for a, b in zip(self.ttft, other.ttft, strict=True)]

    def columns(self) -> dict[str, int]:
        """Return the sums by the names of their columns."""
        return {
            **{name: getattr(self, name) for name in _SCALARS},
            **dict(zip(LATENCY, self.latency, strict=True)),
            **dict(zip(TTFT, self.ttft, strict=True)),
        }


_SCALARS = tuple(name for name in Sums.__slots__ if name not in ("latency", "ttft"))


def sum_by_hour(records: Sequence[UsageRecord]) -> dict[Slot, Sums]:
    """Return the sums of each hour and each who."""
    sums: defaultdict[Slot, Sums] = defaultdict(Sums)
    for record in records:
        base = "" if record.base == record.model else record.base
        who = Who(record.key or "", record.user or "", record.team or "", record.model, base)
        sums[Slot(int(record.at // HOUR_SECONDS), who)].count(record)
    return dict(sums)


def sum_by_day(hours: Mapping[Slot, Sums]) -> dict[Slot, Sums]:
    """Return the sums of each day; their slots' hour is the day's number."""
    sums: defaultdict[Slot, Sums] = defaultdict(Sums)
    for slot, sum_ in hours.items():
        sums[Slot(slot.hour // 24, slot.who)].add(sum_)
    return dict(sums)
