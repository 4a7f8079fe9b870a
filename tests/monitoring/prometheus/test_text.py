"""Prometheus' text format."""

import math

from vllm_manager.monitoring.prometheus import Family, render
from vllm_manager.monitoring.prometheus.text import MOST_BOUNDS, kept_bounds
from vllm_manager.monitoring.samples import Distribution

INFINITE = float("inf")


def test_a_family_has_its_help_its_type_and_its_series() -> None:
    series = [((("node", "a"), ("gpu", "0")), 12.5), ((("node", "a"), ("gpu", "1")), 3)]
    text = render([Family("gpu_power_watts", "gauge", "Power drawn.", series)])
    assert text.splitlines() == [
        "# HELP vllm_manager_gpu_power_watts Power drawn.",
        "# TYPE vllm_manager_gpu_power_watts gauge",
        'vllm_manager_gpu_power_watts{node="a",gpu="0"} 12.5',
        'vllm_manager_gpu_power_watts{node="a",gpu="1"} 3',
    ]
    assert text.endswith("\n")


def test_a_histogram_has_buckets_a_sum_and_a_count() -> None:
    value = Distribution((0.1, 1.0, INFINITE), (1.0, 3.0, 4.0), 5.25)
    text = render([Family("ttft_seconds", "histogram", "Time.", [((("deployment", "a"),), value)])])
    assert text.splitlines()[2:] == [
        'vllm_manager_ttft_seconds_bucket{deployment="a",le="0.1"} 1',
        'vllm_manager_ttft_seconds_bucket{deployment="a",le="1"} 3',
        'vllm_manager_ttft_seconds_bucket{deployment="a",le="+Inf"} 4',
        'vllm_manager_ttft_seconds_sum{deployment="a"} 5.25',
        'vllm_manager_ttft_seconds_count{deployment="a"} 4',
    ]


def test_a_histogram_without_labels_is_told_too() -> None:
    value = Distribution((INFINITE,), (2.0,), 1.0)
    text = render([Family("wait_seconds", "histogram", "Time.", [((), value)])])
    assert text.splitlines()[2:] == [
        'vllm_manager_wait_seconds_bucket{le="+Inf"} 2',
        "vllm_manager_wait_seconds_sum 1",
        "vllm_manager_wait_seconds_count 2",
    ]


def test_what_would_end_a_label_or_a_line_is_escaped() -> None:
    series = [((("node", 'a"b\\c\nd'),), 1.0)]
    lines = render([Family("up", "gauge", "One\nline \\ only.", series)]).splitlines()
    assert lines[0] == "# HELP vllm_manager_up One\\nline \\\\ only."
    assert lines[2] == 'vllm_manager_up{node="a\\"b\\\\c\\nd"} 1'


def test_numbers_that_are_none_are_told_in_prometheus_words() -> None:
    series = [((("n", str(i)),), v) for i, v in enumerate((INFINITE, -INFINITE, math.nan, 1e300))]
    lines = render([Family("x", "gauge", "X.", series)]).splitlines()[2:]
    assert [line.split()[1] for line in lines] == ["+Inf", "-Inf", "NaN", "1e+300"]


def test_a_series_is_told_once_and_an_empty_family_not_at_all() -> None:
    twice = [((("node", "a"),), 1.0), ((("node", "a"),), 2.0)]
    families = [Family("none", "gauge", "None.", []), Family("x", "gauge", "X.", twice)]
    assert render(families).splitlines()[2:] == ['vllm_manager_x{node="a"} 2']


def test_a_long_histogram_keeps_few_bounds_the_first_and_the_last_among_them() -> None:
    for count in (1, 2, MOST_BOUNDS + 1, 22, 23, 60):
        kept = list(kept_bounds(count))
        assert kept == sorted(set(kept))
        assert kept[0] == 0
        assert kept[-1] == count - 1
        assert len(kept) == min(count, MOST_BOUNDS + 1)
