"""Figures become ranked causes of slowness, in numbers."""

from typing import Any

import pytest

from vllm_manager.monitoring.slowness.causes import causes_of, summary_of
from vllm_manager.monitoring.slowness.schemas import Measured


def seen(**figures: Any) -> Measured:
    known: dict[str, Any] = {
        "request_seconds": 10.0, "queue_seconds": 0.1, "prefill_seconds": 0.2,
        "decode_seconds": 4.0, "inter_token_seconds": 0.02, "running": 4.0, "waiting": 0.0,
        "requests_per_second": 1.0, "kv_cache_ratio": 0.4, "preemptions_per_second": 0.0,
    }  # fmt: skip
    return Measured(window_seconds=300, **known | figures)


@pytest.mark.parametrize(
    ("figures", "kind", "words"),
    [
        (
            {"queue_seconds": 6.0, "waiting": 12.0},
            "engine_queue",
            "6.0 s each, 60% of their time; 12 wait",
        ),
        ({"prefill_seconds": 5.0, "prefix_hit_ratio": 0.03}, "prefill", "5.0 s to read, 50%"),
        (
            {"decode_seconds": 9.0, "inter_token_seconds": 0.25},
            "decode",
            "(4 tokens/s for each), 90%",
        ),
        ({"decode_seconds": 9.0}, "decode", "9.0 s to write"),
        ({"preemptions_per_second": 0.5}, "preemption", "30.0 times a minute"),
        ({"kv_cache_ratio": 0.97}, "kv_cache_full", "97% full"),
        ({"gpu_throttled_ratio": 0.4}, "gpu_throttled", "40% of the time"),
        ({"node_cpu_ratio": 0.99}, "cpu_saturated", "99% busy"),
        ({"gateway_queued": 20.0}, "gateway_queue", "20 requests wait now before the engines"),
    ],
)
def test_what_stands_out_is_named_with_its_numbers(
    figures: dict[str, float], kind: str, words: str
) -> None:
    first = causes_of(seen(**figures))[0]
    assert first.kind == kind
    assert words in first.cause
    assert first.advice


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"queue_seconds": 6.0, "waiting": 12.0}, "12 waited"),
        ({"kv_cache_ratio": 0.97}, "was 97% full"),
        ({"gateway_queued": 20.0}, "20 requests waited before the engines, which were full"),
    ],
)
def test_what_is_not_of_now_is_not_said_to_be(figures: dict[str, float], words: str) -> None:
    assert words in causes_of(seen(is_current=False, **figures))[0].cause


def test_the_heaviest_cause_stands_first() -> None:
    found = causes_of(seen(queue_seconds=7.0, preemptions_per_second=0.1, node_cpu_ratio=0.95))
    assert [cause.kind for cause in found] == ["engine_queue", "cpu_saturated", "preemption"]


def test_where_nothing_stands_out_nothing_is_blamed() -> None:
    quick = seen()
    assert causes_of(quick) == []
    assert summary_of(quick, []) == "A request takes 10.0 s on average; nothing stands out as slow."


def test_without_a_finished_request_nothing_is_made_up() -> None:
    idle = Measured(window_seconds=300)
    assert causes_of(idle) == []
    assert summary_of(idle, []) == "No request was finished in the last 5 minutes."


def test_requests_that_wait_though_none_was_finished_are_told() -> None:
    stuck = Measured(window_seconds=300, running=2.0, waiting=6.0)
    causes = causes_of(stuck)
    assert [cause.kind for cause in causes] == ["engine_queue"]
    told = summary_of(stuck, causes)
    assert told.startswith("No request was finished in the last 5 minutes; what stands out: ")
    assert causes[0].cause in told
