"""The engine's metrics become the figures of a report."""

from support.ray_cluster import REPOSITORY
from vllm_manager_engine.metrics import figures, is_busy, life_sign

REAL = (REPOSITORY / "tests" / "fixtures" / "vllm_metrics.txt").read_text()


def test_every_figure_is_found_in_a_real_answer() -> None:
    assert figures(REAL) == {
        "requests_running": 0,
        "requests_waiting": 0,
        "kv_cache_usage_ratio": 0.0,
        "prompt_tokens_total": 0,
        "generation_tokens_total": 0,
        "preemptions_total": 0,
        "prefix_cache_queries_total": 0,
        "prefix_cache_hits_total": 0,
    }


def test_what_is_missing_is_unknown_rather_than_zero() -> None:
    assert set(figures("").values()) == {None}


def test_engines_behind_one_port_are_added_up() -> None:
    text = 'vllm:num_requests_running{engine="0"} 2.0\nvllm:num_requests_running{engine="1"} 3.0\n'
    assert figures(text)["requests_running"] == 5


def test_the_fullest_cache_counts() -> None:
    text = 'vllm:kv_cache_usage_perc{engine="0"} 0.2\nvllm:kv_cache_usage_perc{engine="1"} 0.9\n'
    assert figures(text)["kv_cache_usage_ratio"] == 0.9


def test_a_waiting_request_is_business() -> None:
    assert is_busy(figures("vllm:num_requests_waiting 1.0\n"))


def test_the_life_sign_moves_with_any_of_the_engine_s_own_values() -> None:
    assert life_sign("vllm:kv_cache_usage_perc 0.1\n") != life_sign(
        "vllm:kv_cache_usage_perc 0.2\n"
    )


def test_the_life_sign_ignores_what_being_asked_changes() -> None:
    assert life_sign("http_requests_total 1\n") == life_sign("http_requests_total 2\n")
