"""From a failure to words, proof and remedies."""

import pytest

from vllm_manager.deployments.circumstances import Circumstances, Neighbour
from vllm_manager.deployments.diagnosis import explain
from vllm_manager.deployments.observed import Failure
from vllm_manager.kit.errors import Problem, Remedy

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
    remedy = problem.remediation[0]
    assert (remedy.action, remedy.arguments) == ("open", {"path": "/deployments/demo?tab=config"})


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


def _actions(failure: Failure, around: Circumstances) -> dict[str, dict[str, object]]:
    problem = explain(failure, "demo", around, given_up=True, failures=1)
    return {remedy.action: remedy.arguments for remedy in reversed(problem.remediation)}


def test_damaged_files_of_the_hub_are_fetched_again_by_a_button():
    around = Circumstances(repo="org/name", model_id="org--name@c0ffee")
    actions = _actions(Failure("weights_corrupt", "Cut."), around)
    assert actions["refetch"] == {"model_id": "org--name@c0ffee"}
    own = _actions(Failure("weights_corrupt", "Cut."), Circumstances())
    assert own["open"] in ({"path": "/library"}, {"path": "/deployments/demo?tab=logs"})
    assert "refetch" not in own


def test_a_rejected_token_is_set_by_a_button():
    actions = _actions(Failure("token_rejected", "No."), Circumstances())
    assert actions["set_token"] == {"scope": "installation"}
    assert "restart" in actions


def test_a_model_that_the_hub_did_not_give_is_downloaded_by_a_button():
    around = Circumstances(repo="org/name", revision="v2")
    actions = _actions(Failure("hub_unreachable", "No."), around)
    assert actions["download"] == {"repo": "org/name", "revision": "v2"}


def test_without_room_each_neighbour_can_be_stopped():
    around = Circumstances(neighbours=(Neighbour("other", False, False),))
    assert _actions(Failure("placement_timeout", "No."), around)["stop"] == {"name": "other"}


def test_for_memory_of_a_gpu_only_who_shares_it_is_offered_to_be_stopped():
    near = (Neighbour("apart", True, False), Neighbour("sharing", True, True))
    around = Circumstances(has_gpus=True, neighbours=near)
    problem = explain(Failure("gpu_memory_taken", "No."), "demo", around, given_up=True, failures=1)
    stops = [r.arguments["name"] for r in problem.remediation if r.action == "stop"]
    assert stops == ["sharing"]
    assert "apart, sharing" in problem.causes[-1].message


def test_somebody_elses_problem_without_a_button_is_given_one():
    theirs = Problem("pickle_weights", "Pickles.", remediation=[Remedy(label="Convert")])
    failure = Failure("pickle_weights", "Pickles.", problem=theirs.details)
    actions = _actions(failure, Circumstances())
    assert {"none", "open", "restart"} == set(actions)
