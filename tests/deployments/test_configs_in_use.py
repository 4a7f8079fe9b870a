"""Deployments that are made from configs, and the estimate that is asked before they start."""

from typing import Any

import pytest

from deployments.room import Room
from vllm_manager.configs import ArgumentValue, Recipe
from vllm_manager.configs.schemas import ConfigCreate, ConfigSave
from vllm_manager.deployments.schemas import DeploymentChange, DeploymentRequest, StartRequest
from vllm_manager.kit.errors import Problem
from vllm_manager.operations import IdempotencyKey


async def keep(room: Room, **fields: Any) -> None:
    recipe = Recipe.model_validate({"model": "demo", **fields})
    await room.recipes.create(ConfigCreate(name="chat", recipe=recipe), "ada")


async def save(room: Room, **fields: Any) -> None:
    recipe = Recipe.model_validate({"model": "demo", **fields})
    await room.recipes.save("chat", ConfigSave(recipe=recipe), "ada")


LONG: dict[str, ArgumentValue] = {"max_model_len": 1024}
LONGER: dict[str, ArgumentValue] = {"max_model_len": 2048}


async def test_a_deployment_takes_the_newest_version_and_remembers_it(room: Room) -> None:
    await keep(room, arguments=LONG)
    await save(room, arguments=LONGER, max_concurrent_requests=7)
    made = await room.create(config={"name": "chat"})
    assert made.spec.config is not None
    assert (made.spec.config.name, made.spec.config.version) == ("chat", 2)
    assert made.spec.arguments == LONGER
    assert made.spec.max_concurrent_requests == 7
    await room.step()
    assert room.engine.sent[-1][0].arguments == ("--max-model-len=2048",)


async def test_a_version_may_be_chosen_and_fields_set_beside_it(room: Room) -> None:
    await keep(room, arguments=LONG)
    await save(room, arguments=LONGER)
    made = await room.create(
        config={"name": "chat", "version": 1}, arguments={"max_num_seqs": 2}, replicas=3
    )
    assert made.spec.arguments == {**LONG, "max_num_seqs": 2}
    assert made.spec.replicas == 3


async def test_a_config_that_is_not_there_is_a_404_that_names_those_that_are(room: Room) -> None:
    await keep(room)
    with pytest.raises(Problem) as caught:
        await room.create(config={"name": "caht"})
    assert caught.value.code == "config_not_found"
    assert "Known: chat." in caught.value.details.detail


async def test_a_newer_version_makes_what_runs_stale_until_it_is_restarted(room: Room) -> None:
    await keep(room, arguments=LONG)
    await room.create(config={"name": "chat"}, arguments={"max_num_seqs": 2})
    await room.step()
    assert not (await room.get()).stale
    await save(room, arguments=LONGER)
    await room.step()
    seen = await room.get()
    assert seen.stale
    assert seen.config is not None
    assert (seen.config.version, seen.config.newest_version) == (1, 2)
    assert seen.spec.arguments == {**LONG, "max_num_seqs": 2}
    await room.service.restart("demo")
    await room.step()
    seen = await room.get()
    assert not seen.stale
    assert seen.spec.arguments == {**LONGER, "max_num_seqs": 2}
    assert seen.generation == 2


async def test_a_restart_may_take_an_older_version(room: Room) -> None:
    await keep(room, arguments=LONG)
    await save(room, arguments=LONGER)
    await room.create(config={"name": "chat"})
    await room.service.restart("demo", StartRequest(config_version=1))
    await room.step()
    seen = await room.get()
    assert seen.spec.arguments == LONG
    assert seen.stale


async def test_a_version_of_no_config_is_refused(room: Room) -> None:
    await room.create()
    with pytest.raises(Problem) as caught:
        await room.service.restart("demo", StartRequest(config_version=1))
    assert caught.value.details.errors[0].field == "config_version"


async def test_a_change_may_choose_another_version(room: Room) -> None:
    await keep(room, arguments=LONG)
    await save(room, arguments=LONGER)
    await room.create(config={"name": "chat", "version": 1})
    change = DeploymentChange.model_validate({"config": {"name": "chat", "version": 2}})
    changed = await room.service.change("demo", change)
    assert changed.spec.arguments == LONGER
    assert changed.stale


async def test_what_a_change_sets_stays_over_newer_versions(room: Room) -> None:
    await keep(room, arguments={**LONG, "max_num_seqs": 8})
    await room.create(config={"name": "chat"})
    await room.service.change("demo", DeploymentChange(arguments={"max_model_len": 512}))
    await save(room, arguments={**LONGER, "max_num_seqs": 16})
    await room.service.restart("demo")
    spec = (await room.get()).spec
    assert spec.arguments["max_model_len"] == 512


async def test_a_config_that_a_deployment_uses_is_not_deleted(room: Room) -> None:
    await keep(room)
    await room.create(config={"name": "chat"}, start=False)
    assert (await room.recipes.get("chat")).used_by == ["demo"]
    with pytest.raises(Problem) as caught:
        await room.recipes.delete("chat")
    assert caught.value.code == "config_in_use"


async def test_a_newer_version_that_can_not_run_is_refused_and_the_old_one_runs_on(
    room: Room,
) -> None:
    await keep(room)
    await room.serve(config={"name": "chat"})
    await save(room, model="/no/such/folder")
    with pytest.raises(Problem) as caught:
        await room.service.restart("demo")
    assert caught.value.details.errors[0].field == "model"
    assert (await room.get()).phase == "ready"


async def test_replicas_are_held_within_the_bounds(room: Room) -> None:
    await room.create(autoscaling={"min_replicas": 1, "max_replicas": 2})
    with pytest.raises(Problem) as caught:
        await room.service.change("demo", DeploymentChange(replicas=5))
    assert caught.value.details.errors[0].suggestion == "2"


def refuse(room: Room) -> None:
    room.fit.refuses = Problem("does_not_fit", "It needs 80 GiB, and there are 24.", status=422)


async def test_what_can_not_fit_is_refused_before_anything_is_written(room: Room) -> None:
    refuse(room)
    with pytest.raises(Problem) as caught:
        await room.create()
    assert caught.value.code == "does_not_fit"
    assert await room.service.views() == []


async def test_what_can_not_fit_is_started_if_forced(room: Room) -> None:
    refuse(room)
    made = await room.create(force=True)
    assert made.desired == "running"
    assert made.estimate is not None


async def test_the_estimate_is_kept_with_the_deployment(room: Room) -> None:
    made = await room.create(arguments=LONG)
    assert made.estimate is not None
    assert made.estimate.verdict == "tight"
    question = room.fit.questions[-1]
    assert (question.model, question.arguments) == ("demo", LONG)


async def test_a_start_is_judged_as_well_and_may_be_forced(room: Room) -> None:
    await room.create(start=False)
    refuse(room)
    with pytest.raises(Problem):
        await room.service.start("demo")
    assert (await room.service.start("demo", StartRequest(force=True))).deployment.generation == 1


async def test_a_change_of_what_stands_still_is_judged(room: Room) -> None:
    await room.create(start=False)
    refuse(room)
    with pytest.raises(Problem):
        await room.service.change("demo", DeploymentChange(arguments=LONG))
    changed = await room.service.change("demo", DeploymentChange(arguments=LONG, force=True))
    assert changed.spec.arguments == LONG


async def test_what_takes_no_memory_is_changed_without_a_judgement(room: Room) -> None:
    await room.create(start=False)
    refuse(room)
    changed = await room.service.change("demo", DeploymentChange(max_concurrent_requests=3))
    assert changed.spec.max_concurrent_requests == 3


async def test_a_repeated_create_is_answered_though_it_would_not_fit_any_more(room: Room) -> None:
    key = IdempotencyKey("k", "user", "{}")
    asked = DeploymentRequest(name="demo", model="demo")
    first = await room.service.create(asked, key)
    refuse(room)
    assert (await room.service.create(asked, key)).operation.id == first.operation.id


async def test_what_the_engine_said_is_kept_beside_the_estimate(room: Room) -> None:
    await room.create()
    await room.step()
    replica = room.engine.place("demo")
    memory = {"weights_bytes": 100, "kv_cache_bytes": 50, "kv_tokens": 10, "other_bytes": None}
    await room.report(replica, "loading", memory=memory)
    await room.step()
    assert (await room.get()).measured is None
    await room.report(replica, "ready", memory=memory)
    await room.step()
    seen = await room.get()
    assert seen.estimate is not None
    assert seen.measured is not None
    assert seen.measured.model_dump() == memory
    assert seen.comparison is not None
    again = await room.reopen()
    assert (await again.get()).measured == seen.measured
    await again.close()
