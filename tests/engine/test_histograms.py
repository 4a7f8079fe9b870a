"""The engine's histograms become those of a report, less the supervisor's own probes."""

from math import inf

from vllm_manager_engine.fake.state import Counters
from vllm_manager_engine.histograms import Histogram, WithoutProbes, histograms

_TTFT = "vllm:time_to_first_token_seconds"
REAL = f"""
# HELP {_TTFT} Histogram of time to first token in seconds.
# TYPE {_TTFT} histogram
{_TTFT}_bucket{{engine="0",le="0.001",model_name="a"}} 0.0
{_TTFT}_bucket{{engine="0",le="0.005",model_name="a"}} 2.0
{_TTFT}_bucket{{engine="0",le="+Inf",model_name="a"}} 3.0
{_TTFT}_count{{engine="0",model_name="a"}} 3.0
{_TTFT}_sum{{engine="0",model_name="a"}} 4.5
{_TTFT}_created{{engine="0",model_name="a"}} 1.79e+09
vllm:request_time_per_output_token_seconds_bucket{{engine="0",le="+Inf",model_name="a"}} 9.0
"""


def test_bounds_counts_and_the_sum_are_read() -> None:
    (name, found), *rest = histograms(REAL).items()
    assert (name, rest) == ("ttft_seconds", [])
    assert found == Histogram([0.001, 0.005, inf], [0, 2, 3], 4.5)
    assert found.as_dict() == {"bounds": [0.001, 0.005, None], "counts": [0, 2, 3], "total": 4.5}


def test_engines_behind_one_port_are_added_up() -> None:
    both = histograms(REAL + REAL.replace('engine="0"', 'engine="1"'))
    assert both["ttft_seconds"] == Histogram([0.001, 0.005, inf], [0, 4, 6], 9.0)


def test_the_fake_engine_says_what_vllm_says() -> None:
    counters = Counters()
    counters.took(1.2, 0.2, 11)
    found = histograms(counters.as_text("fake"))
    counts = {name: histogram.counts[-1] for name, histogram in found.items()}
    assert counts == {
        "ttft_seconds": 1,
        "inter_token_seconds": 10,
        "request_seconds": 1,
        "queue_seconds": 1,
        "prefill_seconds": 1,
        "decode_seconds": 1,
    }
    assert found["request_seconds"].total == 1.2


def seen(*counts: int, total: float) -> dict[str, Histogram]:
    return {"ttft_seconds": Histogram([0.1, 1.0, inf], counts, total)}


def test_probes_are_nobody_s_requests() -> None:
    ledger = WithoutProbes()
    assert ledger.take(seen(0, 1, 1, total=0.4), probes=1)["ttft_seconds"].counts == [0, 0, 0]
    # Another probe, and a request that took longer.
    found = ledger.take(seen(1, 2, 3, total=3.0), probes=2)["ttft_seconds"]
    assert found.counts == [0, 0, 1]
    # No probe while there is work.
    found = ledger.take(seen(1, 3, 4, total=3.5), probes=2)["ttft_seconds"]
    assert found.counts == [0, 1, 2]


def test_a_probe_that_the_engine_does_not_count_takes_nothing_away() -> None:
    ledger = WithoutProbes()
    ledger.take(seen(0, 0, 0, total=0.0), probes=1)
    assert ledger.take(seen(2, 2, 2, total=0.1), probes=1)["ttft_seconds"].counts == [2, 2, 2]
