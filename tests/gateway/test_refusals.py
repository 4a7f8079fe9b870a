"""What a caller is told who got no turn, and which priority a request has."""

from typing import get_args

import pytest

from vllm_manager.auth.keys.schemas import Priority
from vllm_manager.gateway.answers import Refusal
from vllm_manager.gateway.directory import Directory
from vllm_manager.gateway.priorities import NORMAL, PRIORITIES, priority_of
from vllm_manager.gateway.queueing import End, Terms, TurnedAway, retry_seconds
from vllm_manager.gateway.refusals import turned_away

LOW, HIGH = PRIORITIES["low"], PRIORITIES["high"]
TERMS = Terms(slots=1, most_waiting=4, longest_wait_seconds=30)


@pytest.mark.parametrize(
    ("hold_seconds", "slots", "waiting", "seconds"),
    [
        (None, 4, 10, 5),
        (2.0, 4, 9, 5),
        (0.01, 4, 9, 1),
        (100.0, 1, 9, 60),
    ],
)
def test_when_to_come_back_follows_from_how_long_requests_take(
    hold_seconds: float | None, slots: int, waiting: int, seconds: float
) -> None:
    assert retry_seconds(hold_seconds, slots, waiting) == seconds


@pytest.mark.parametrize(
    ("end", "status", "code", "words"),
    [
        (End.NO_QUEUE, 429, "concurrency_limit", "max_concurrent_requests"),
        (End.FULL, 503, "model_overloaded", "max_queued_requests"),
        (End.DISPLACED, 503, "model_overloaded", "higher priority"),
        (End.TOO_LONG, 503, "queue_timeout", "within 30 s"),
        (End.STOPPING, 503, "gateway_stopping", "stopped"),
        (End.NOT_READY, 404, "model_not_found", "no model"),
    ],
)
def test_each_end_has_its_answer(end: End, status: int, code: str, words: str) -> None:
    refusal = turned_away(TurnedAway(end, TERMS, 30.0, 7.0), Directory(), "demo")
    assert (refusal.status, refusal.code) == (status, code)
    assert words in refusal.message
    assert refusal.retry_after_seconds in (None, 1, 7.0)


def test_a_request_lowers_itself_but_never_rises_above_its_key() -> None:
    assert priority_of(NORMAL, {}) == NORMAL
    assert priority_of(NORMAL, {b"x-priority": b"low"}) == LOW
    assert priority_of(NORMAL, {b"x-priority": b"High"}) == NORMAL
    assert priority_of(HIGH, {b"x-priority": b"normal"}) == NORMAL
    with pytest.raises(Refusal, match="low, normal, high"):
        priority_of(NORMAL, {b"x-priority": b"9"})


def test_keys_are_granted_the_classes_that_the_gateway_knows() -> None:
    assert tuple(PRIORITIES) == get_args(Priority)
