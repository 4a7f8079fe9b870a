"""What the API accepts, refuses and promises of deployments."""

import asyncio
import random
from collections.abc import Awaitable

import pytest

from deployments.room import Room
from vllm_manager.deployments.logs import LogQuery
from vllm_manager.deployments.schemas import DeploymentChange, DeploymentRequest
from vllm_manager.kit.errors import Problem
from vllm_manager.operations import IdempotencyKey


async def problem_of(call: Awaitable[object]) -> Problem:
    with pytest.raises(Problem) as caught:
        await call
    return caught.value


async def test_a_taken_name_is_refused_with_a_conflict(room: Room):
    await room.create()
    problem = await problem_of(room.create())
    assert (problem.details.status, problem.code) == (409, "name_taken")


async def test_a_name_whose_deletion_is_under_way_may_be_tried_again(room: Room):
    await room.serve()
    await room.service.delete("demo")
    problem = await problem_of(room.create())
    assert problem.details.retryable
    assert problem.code == "name_being_deleted"


async def test_an_unknown_deployment_is_refused_with_the_known_names(room: Room):
    await room.create("here")
    problem = await problem_of(room.service.get("there"))
    assert problem.details.status == 404
    assert "here" in problem.details.detail


async def test_nothing_starts_where_anything_is_wrong_and_all_of_it_is_named(room: Room):
    arguments = {"max_model_length": 1, "port": 1}
    problem = await problem_of(room.create(model="/nowhere", arguments=arguments))
    assert {error.field for error in problem.details.errors} == {
        "model",
        "arguments.max_model_length",
        "arguments.port",
    }
    await room.step()
    assert room.engine.sent == []


async def test_a_change_is_checked_as_a_whole(room: Room):
    await room.create()
    change = DeploymentChange(arguments={"trust_remote_code": True})
    problem = await problem_of(room.service.change("demo", change))
    assert problem.details.errors[0].field == "arguments.trust_remote_code"


async def test_a_deployment_may_be_created_without_starting_it(room: Room):
    accepted = await room.service.create(DeploymentRequest(name="idle", model="demo", start=False))
    assert accepted.deployment.phase == "stopped"
    assert accepted.operation.status == "succeeded"
    await room.step()
    assert room.engine.sent == []


async def test_starting_what_runs_leaves_it_alone(room: Room):
    await room.serve()
    before = (await room.get()).generation
    await room.service.start("demo")
    await room.step()
    view = await room.get()
    assert (view.phase, view.generation) == ("ready", before)


async def test_a_restart_ends_the_operation_before_it(room: Room):
    await room.create()
    await room.service.restart("demo")
    operations = (await room.operations.list(10)).items
    assert [(o.kind, o.status) for o in operations] == [
        ("deployment.restart", "running"),
        ("deployment.create", "cancelled"),
    ]


async def test_the_same_create_sent_ten_times_at_once_makes_one_deployment(room: Room):
    spec = DeploymentRequest(name="demo", model="demo")
    key = IdempotencyKey("once", "usr_1", spec.model_dump_json())
    answers = await asyncio.gather(*[room.service.create(spec, key) for _ in range(10)])
    assert len({answer.operation.id for answer in answers}) == 1
    assert len({answer.deployment.uid for answer in answers}) == 1


async def test_fifty_calls_at_once_lead_to_one_legal_end(room: Room):
    await room.serve()
    calls = [room.service.start, room.service.stop, room.service.restart, room.service.delete]
    chosen = random.Random(7).choices(calls, k=50)
    results = await asyncio.gather(*[call("demo") for call in chosen], return_exceptions=True)
    assert all(isinstance(r, Problem) for r in results if isinstance(r, BaseException))
    await room.step(4)
    assert await room.service.views() == []
    statuses = {o.status for o in (await room.operations.list(100)).items}
    assert statuses <= {"succeeded", "cancelled"}


async def test_pages_follow_one_another_by_name(room: Room):
    for name in ("a", "b", "c"):
        await room.create(name, start=False)
    first = await room.service.list(2, None, None, None)
    second = await room.service.list(2, first.next_cursor, None, None)
    assert [len(first.items), len(second.items), second.next_cursor] == [2, 1, None]


async def test_a_list_can_be_narrowed_by_name_and_phase(room: Room):
    await room.serve("busy")
    await room.create("idle", start=False)
    ready = await room.service.list(10, None, None, "ready")
    named = await room.service.list(10, None, "dl", None)
    assert b'"name":"busy"' in ready.items[0]
    assert len(ready.items) == 1
    assert b'"name":"idle"' in named.items[0]
    assert len(named.items) == 1


async def test_logs_reach_the_stream_and_the_page(room: Room):
    await room.create()
    await room.step()
    subscription = room.hub.subscribe({"logs:demo"})
    line = {"number": 1, "at": "2026-01-01T00:00:00Z", "stream": "stderr", "text": "hello"}
    await room.report(room.engine.place("demo"), "starting", log=[line])
    (message,) = await subscription.wait(1)
    assert message.data["lines"][0]["text"] == "hello"
    page = await room.service.logs("demo", LogQuery(limit=10))
    assert [entry.text for entry in page.items] == ["hello"]


async def test_a_report_of_a_deleted_deployment_is_gone(room: Room):
    await room.serve()
    replica = next(iter(room.engine.applications["demo"].replicas)).replica_id
    uid = (await room.get()).uid
    await room.service.delete("demo")
    engine_still_has_it = dict(room.engine.applications)
    await room.step(3)
    room.engine.applications.update(engine_still_has_it)
    problem = await problem_of(room.report(replica, "ready"))
    assert problem.details.status == 410
    assert uid not in room.memory.rows


async def test_sealed_values_are_known_as_they_were_and_as_they_are(room: Room) -> None:
    await room.create(environment={"WANDB_KEY": "plain-value-1", "A": "seen"})
    await room.step()
    change = DeploymentChange(environment={"WANDB_KEY": "plain-value-2"})
    await room.service.change("demo", change)
    (launch,) = room.engine.sent[-1]
    assert dict(launch.environment) == {"WANDB_KEY": "plain-value-1", "A": "seen"}
    assert launch.sealed == ("WANDB_KEY",)
    assert await room.service.secret_values() == ({"plain-value-1", "plain-value-2"}, [])
    (room.folder / "vault_key").unlink()
    assert await room.service.secret_values() == (frozenset(), ["demo"])
