"""Operations begin, replace each other, end once, and are kept for a while."""

import asyncio

import pytest

from operations.room import Room
from vllm_manager.kit.errors import Problem
from vllm_manager.operations import IdempotencyKey, Outcome

DONE = Outcome("succeeded", "Ready.", 1.0)


def key(request: str = "body", caller: str = "usr_1") -> IdempotencyKey:
    return IdempotencyKey("key-1", caller, request)


async def test_an_operation_begins_as_running(room: Room):
    operation = await room.begin()
    assert await room.operations.get(operation.id) == operation
    assert (operation.status, operation.finished_at) == ("running", None)
    assert operation.created_at == room.clock.now()


async def test_a_new_operation_ends_the_open_ones_on_the_same_subject_alone(room: Room):
    first, elsewhere = await room.begin(), await room.begin(subject="other")
    await room.begin("deployment.stop")
    ended = await room.operations.get(first.id)
    assert (ended.status, ended.message) == ("cancelled", "Superseded by stop.")
    assert ended.finished_at is not None
    assert (await room.operations.get(elsewhere.id)).status == "running"


async def test_of_many_that_begin_at_once_one_stays_open(room: Room):
    await asyncio.gather(*(room.begin() for _ in range(20)))
    assert len(await room.operations.open("deployment")) == 1


async def test_whoever_watches_hears_of_both_once_it_is_committed(room: Room):
    subscription = room.hub.subscribe({"operations"})
    first = await room.begin()
    second = await room.begin("deployment.stop")
    messages = await subscription.wait(0)
    heard = [(m.data["id"], m.data["status"]) for m in messages]
    assert heard == [(first.id, "running"), (first.id, "cancelled"), (second.id, "running")]


async def test_nothing_is_said_of_what_was_rolled_back(room: Room):
    subscription = room.hub.subscribe({"operations"})

    async def fail() -> None:
        async with room.database.unit_of_work() as session:
            await room.operations.begin(session, "deployment.start", "demo")
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await fail()
    assert await room.operations.open("deployment") == []
    assert await subscription.wait(0) == []


async def test_a_repeated_request_is_given_the_operation_that_it_began(room: Room):
    operation = await room.begin(key=key())
    assert await room.repeated(key()) == operation


async def test_a_request_that_was_never_sent_repeats_nothing(room: Room):
    await room.begin(key=key())
    assert await room.repeated(IdempotencyKey("key-2", "usr_1", "body")) is None


async def test_a_key_belongs_to_its_caller(room: Room):
    await room.begin(key=key())
    assert await room.repeated(key(caller="usr_2")) is None


async def test_a_key_with_another_request_is_refused(room: Room):
    await room.begin(key=key())
    with pytest.raises(Problem) as caught:
        await room.repeated(key(request="another body"))
    assert (caught.value.code, caught.value.details.status) == ("idempotency_key_reused", 422)


@pytest.mark.parametrize("text", ["", "x" * 256])
def test_a_key_of_no_or_absurd_length_is_refused(text: str):
    with pytest.raises(Problem, match="1 to 255"):
        IdempotencyKey(text, "usr_1", "body")


async def test_settling_records_progress_and_the_end(room: Room):
    operation = await room.begin()
    await room.operations.settle({operation.id: Outcome("running", "Loading.", 0.5)})
    running = await room.operations.get(operation.id)
    assert (running.message, running.progress, running.finished_at) == ("Loading.", 0.5, None)
    room.clock.advance(1)
    await room.operations.settle({operation.id: DONE})
    done = await room.operations.get(operation.id)
    assert (done.status, done.finished_at) == ("succeeded", room.clock.now())


async def test_what_has_ended_is_never_changed_again(room: Room):
    operation = await room.begin()
    await room.operations.settle({operation.id: DONE})
    await room.operations.settle({operation.id: Outcome("failed", "Too late.")})
    assert (await room.operations.get(operation.id)).status == "succeeded"


async def test_settling_what_is_not_there_does_nothing(room: Room):
    await room.operations.settle({"op_unknown": DONE})
    await room.operations.settle({})
    assert (await room.operations.list(10)).items == []


async def test_what_did_not_change_is_not_told_again(room: Room):
    operation = await room.begin()
    outcome = Outcome("running", "Loading.", 0.5)
    await room.operations.settle({operation.id: outcome})
    subscription = room.hub.subscribe({"operations"})
    await room.operations.settle({operation.id: outcome})
    assert await subscription.wait(0) == []


async def test_open_are_those_that_have_not_ended(room: Room):
    begun = [await room.begin(subject=name) for name in ("a", "b", "c")]
    await room.operations.settle({begun[1].id: DONE})
    assert {o.subject for o in await room.operations.open("deployment")} == {"a", "c"}


async def test_pages_cover_every_operation_once_newest_first(room: Room):
    for number in range(7):
        await room.begin(subject=f"demo-{number}")
    seen: list[str] = []
    cursor = None
    while True:
        page = await room.operations.list(3, cursor)
        seen += [operation.id for operation in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == 7
    assert seen == sorted(set(seen), reverse=True)


async def test_a_page_can_be_of_one_status_alone(room: Room):
    first = await room.begin()
    await room.begin()
    page = await room.operations.list(10, status="cancelled")
    assert [operation.id for operation in page.items] == [first.id]


async def test_an_operation_that_is_not_there_is_a_404(room: Room):
    with pytest.raises(Problem) as caught:
        await room.operations.get("op_unknown")
    assert caught.value.details.status == 404


async def test_what_ended_is_forgotten_after_a_month_and_what_is_open_is_not(room: Room):
    ended = await room.begin(subject="ended", key=key())
    await room.operations.settle({ended.id: DONE})
    still_open = await room.begin(subject="open")
    room.clock.advance(31 * 86_400)
    await room.operations.forget_old()
    assert [o.id for o in (await room.operations.list(10)).items] == [still_open.id]
    assert await room.repeated(key()) is None
