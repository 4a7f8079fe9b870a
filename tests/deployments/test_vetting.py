"""Pickles and code from a repository are refused, but for code that was allowed for one commit."""

import pytest

from deployments.room import Room
from fakes.models import KnownFacts
from vllm_manager.deployments.vetting import judge
from vllm_manager.kit.errors import Problem

COMMIT = "a" * 40
CODE = KnownFacts(has_auto_map=True, supported=False, architectures=["OwnModel"])


def code_of(facts: KnownFacts, *allowed: str, commit: str | None = COMMIT) -> str | None:
    problem = judge("org/model", commit, facts, frozenset(allowed)).problem
    return problem.code if problem else None


def test_a_plain_model_is_loaded() -> None:
    assert code_of(KnownFacts()) is None


def test_row_59_pickles_are_refused() -> None:
    assert code_of(KnownFacts(weight_format="pickle")) == "pickle_weights"


def test_row_59_pickles_are_refused_even_where_code_is_allowed() -> None:
    facts = KnownFacts(weight_format="pickle", has_auto_map=True)
    assert code_of(facts, f"org/model@{COMMIT}") == "pickle_weights"


@pytest.mark.parametrize("supported", [False, None])
def test_row_60_code_that_loading_would_need_is_refused(supported: bool | None) -> None:
    facts = KnownFacts(has_auto_map=True, supported=supported)
    assert code_of(facts) == "own_code_refused"


def test_row_60_code_is_allowed_for_one_commit_alone() -> None:
    assert judge("org/model", COMMIT, CODE, frozenset({f"org/model@{COMMIT}"})).trusted
    assert code_of(CODE, f"org/model@{'b' * 40}") == "own_code_refused"
    assert code_of(CODE, f"org/other@{COMMIT}") == "own_code_refused"
    assert code_of(CODE, f"org/model@{COMMIT}", commit=None) == "own_code_refused"


def test_a_model_that_the_engine_knows_runs_without_its_repositorys_code() -> None:
    vetted = judge("org/model", COMMIT, KnownFacts(has_auto_map=True, supported=True), frozenset())
    assert (vetted.problem, vetted.trusted) == (None, False)


def test_the_refusal_names_the_architecture_and_the_way_to_allow_it() -> None:
    problem = judge("org/model", COMMIT, CODE, frozenset()).problem
    assert problem is not None
    assert "OwnModel" in problem.detail
    assert f"VLLM_MANAGER_TRUSTED_CODE=org/model@{COMMIT}" in problem.remediation[-1].label


async def test_a_create_is_refused_before_anything_is_written(room: Room) -> None:
    room.facts.known["org/model"] = CODE
    with pytest.raises(Problem) as caught:
        await room.create(model="org/model")
    assert caught.value.code == "own_code_refused"
    assert await room.service.views() == []


async def test_allowed_code_runs_and_other_code_does_not(room: Room) -> None:
    room.facts.known["org/allowed"] = CODE
    room.models.fetches.clear()
    await room.create("allowed", model="org/allowed", revision=COMMIT)
    await room.create("plain", model="org/plain")
    await room.step()
    trusted = {launch.name: launch.trusted_code for launch in room.engine.sent[-1]}
    assert trusted == {"allowed": True, "plain": False}
