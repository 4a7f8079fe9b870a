"""Questions in Prometheus' words."""

from dataclasses import replace

import pytest

from vllm_manager.monitoring.prometheus.expressions import highest, matchers, newest, value
from vllm_manager.monitoring.samples import BY_NAME, Question
from vllm_manager.monitoring.samples.schemas import Function


def question(figure: str, function: Function, *by: str, step: int = 300) -> Question:
    return Question(BY_NAME[figure], function, 0.95, by, {}, 0, 3600, step)


@pytest.mark.parametrize(
    ("asked", "expression"),
    [
        (
            question("gpu_memory_used_bytes", "value", "node"),
            "sum by (node) (avg_over_time(vllm_manager_gpu_memory_used_bytes[300s]))",
        ),
        (
            question("gpu_utilization_ratio", "value"),
            "avg by () (avg_over_time(vllm_manager_gpu_utilization_ratio[300s]))",
        ),
        (
            question("gpu_throttled", "value", "node"),
            "max by (node) (avg_over_time(vllm_manager_gpu_throttled[300s]))",
        ),
        (
            question("gpu_memory_used_bytes", "mean", "node"),
            "avg by (node) (avg_over_time(vllm_manager_gpu_memory_used_bytes[300s]))",
        ),
        (
            question("gateway_tokens_total", "rate", "deployment"),
            "sum by (deployment) (rate(vllm_manager_gateway_tokens_total[300s]))",
        ),
        (
            question("gateway_tokens_total", "value", "deployment"),
            "sum by (deployment) (rate(vllm_manager_gateway_tokens_total[300s])) * 300",
        ),
        (
            question("engine_ttft_seconds", "quantile", "deployment"),
            "histogram_quantile(0.95, sum by (deployment, le) "
            "(rate(vllm_manager_engine_ttft_seconds_bucket[300s])))",
        ),
        (
            question("engine_ttft_seconds", "rate", "deployment"),
            "sum by (deployment) (rate(vllm_manager_engine_ttft_seconds_count[300s]))",
        ),
        (
            question("engine_ttft_seconds", "mean", "deployment"),
            "sum by (deployment) (rate(vllm_manager_engine_ttft_seconds_sum[300s])) / "
            "(sum by (deployment) (rate(vllm_manager_engine_ttft_seconds_count[300s])) > 0)",
        ),
    ],
    ids=lambda part: part.function if isinstance(part, Question) else "",
)
def test_each_function_is_of_the_whole_step(asked: Question, expression: str) -> None:
    assert value(asked, "") == expression


def test_peaks_are_of_gauges_alone() -> None:
    asked = question("gpu_utilization_ratio", "value", "node")
    told = "max by (node) (max_over_time(vllm_manager_gpu_utilization_ratio[300s]))"
    assert highest(asked, "") == told
    assert highest(replace(asked, function="mean"), "") is None
    assert highest(question("gateway_tokens_total", "rate"), "") is None


def test_a_step_that_is_shorter_than_two_scrapes_looks_at_a_minute() -> None:
    assert "[60s]" in value(question("gateway_tokens_total", "rate", step=10), "")


def test_the_newest_is_asked_of_a_histogram_s_count() -> None:
    asked = question("engine_ttft_seconds", "quantile", "deployment")
    told = 'max by (deployment) (timestamp(vllm_manager_engine_ttft_seconds_count{job="a"}))'
    assert newest(asked, 'job="a"') == told


@pytest.mark.parametrize(
    ("values", "inside"),
    [
        (("demo",), '{deployment="demo"}'),
        (('a"} or up{x="',), r'{deployment="a\"} or up{x=\""}'),
        (("a\\", "b\nc"), r'{deployment=~"a\\\\|b\\\nc"}'),
        (("a.b", "c|d"), r'{deployment=~"a\\.b|c\\|d"}'),
    ],
)
def test_whatever_is_asked_for_stays_a_value(values: tuple[str, ...], inside: str) -> None:
    assert matchers({"deployment": frozenset(values)}, "") == inside


def test_the_installation_s_own_labels_come_first() -> None:
    where = {"node": frozenset({"a"})}
    assert matchers(where, 'job="x"') == '{job="x",node="a"}'
    assert matchers({}, 'job="x"') == '{job="x"}'
    assert matchers({}, "") == ""
