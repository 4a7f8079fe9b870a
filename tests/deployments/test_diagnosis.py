"""From a failure to words, proof and remedies."""

import pytest

from vllm_manager.deployments.diagnosis import explain
from vllm_manager.deployments.observed import Failure

KV = Failure(
    "kv_cache_too_small",
    "The context does not fit.",
    "…the estimated maximum model length is 2336. Try increasing…",
    suggestion=("max_model_len", 2336),
)


def test_a_context_that_is_too_long_offers_the_longest_that_fits():
    problem = explain(KV, "demo", given_up=True, failures=1)
    assert problem.title == "The context does not fit"
    remedy = problem.remediation[0]
    assert (remedy.label, remedy.action) == ("Set max_model_len to 2336 and retry", "set_argument")
    assert remedy.arguments == {"name": "max_model_len", "value": 2336}


def test_without_the_number_a_smaller_context_is_advised():
    problem = explain(Failure("kv_cache_too_small", "No."), "demo", given_up=True, failures=1)
    assert problem.remediation[0].action == "none"


def test_the_proving_line_is_the_causes_evidence():
    problem = explain(
        Failure("engine_exited", "It ended.", "ValueError: no", exit_code=3),
        "demo",
        given_up=False,
        failures=1,
    )
    assert problem.causes[0].evidence == "ValueError: no"
    assert problem.causes[0].message == "The engine exited with code 3."
    assert problem.retryable


@pytest.mark.parametrize(("signal", "words"), [(9, "out-of-memory killer"), (11, "signal 11")])
def test_a_signal_is_named(signal: int, words: str):
    problem = explain(
        Failure("engine_exited", "It ended.", signal=signal), "demo", given_up=False, failures=1
    )
    assert words in problem.causes[0].message


def test_that_it_was_given_up_is_said_with_the_count():
    detail = explain(Failure("x", "Why."), "demo", given_up=True, failures=5).detail
    assert detail == "Why. It failed 5 times in a row and will not be tried again by itself."
    once = explain(Failure("x", "Why."), "demo", given_up=True, failures=1).detail
    assert once == "Why. It will not be tried again by itself."


@pytest.mark.parametrize(
    "code",
    [
        *("engine_exited", "engine_hung", "start_timeout", "out_of_memory", "kv_cache_too_small"),
        *("model_not_found", "unsupported_model", "bad_argument", "gpu_lost", "engine_missing"),
        *("unknown", "placement_timeout", "replica_lost", "replica_start_failed", "new_one"),
    ],
)
def test_every_failure_has_a_title_and_something_to_do(code: str):
    problem = explain(Failure(code, "Why."), "demo", given_up=False, failures=1)
    assert problem.code == code
    assert problem.title
    assert problem.detail == "Why."
    assert problem.remediation
