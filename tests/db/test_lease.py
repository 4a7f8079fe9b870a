"""Of several control planes one acts; a dead or silent one is followed by another."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy.exc import DBAPIError

from fakes.clock import FakeClock
from vllm_manager.db import Base, Database, Lease
from vllm_manager.kit.process import ProcessIdentity, own_identity

ELSEWHERE = ProcessIdentity("another-host", 7, 1.0)
SECONDS = 10.0


def lease(database: Database, clock: FakeClock, me: ProcessIdentity | None = None) -> Lease:
    return Lease(database, "test", me or own_identity(), SECONDS, clock)


async def test_the_first_to_ask_holds_it_and_renews_it(database: Database):
    clock = FakeClock()
    mine = lease(database, clock)
    assert await mine.hold()
    clock.advance(100)
    assert await mine.hold()
    assert mine.is_mine


async def test_another_waits_while_the_holder_renews(database: Database):
    clock = FakeClock()
    mine, other = lease(database, clock), lease(database, clock, ELSEWHERE)
    await mine.hold()
    for _ in range(10):
        clock.advance(SECONDS - 1)
        await mine.hold()
        assert not await other.hold()
    assert other.holder == str(own_identity())


async def test_a_silent_holder_is_followed_after_the_lease_time(database: Database):
    clock = FakeClock()
    silent, mine = lease(database, clock, ELSEWHERE), lease(database, clock)
    await silent.hold()
    assert not await mine.hold()
    clock.advance(SECONDS - 0.1)
    assert not await mine.hold()
    clock.advance(0.1)
    assert await mine.hold()
    assert not await silent.hold()


async def test_a_holder_on_this_machine_that_died_is_followed_at_once(database: Database):
    clock = FakeClock()
    dead = replace(own_identity(), started=own_identity().started - 100)
    await lease(database, clock, dead).hold()
    assert await lease(database, clock).hold()


async def test_a_living_holder_on_this_machine_is_not_taken_for_dead(database: Database):
    clock = FakeClock()
    parent = ProcessIdentity.parse(str(own_identity()))
    await lease(database, clock, parent).hold()
    assert not await lease(database, clock, ELSEWHERE).hold()


@pytest.mark.parametrize("jump_seconds", [3600, -3600])
async def test_a_jump_of_the_wall_clock_changes_no_holder(database: Database, jump_seconds: float):
    clock = FakeClock()
    holder, other = lease(database, clock), lease(database, clock, ELSEWHERE)
    await holder.hold()
    assert not await other.hold()
    clock.jump_wall(jump_seconds)
    assert not await other.hold()
    assert await holder.hold()


async def test_a_holder_that_was_followed_finds_that_out_before_it_writes(database: Database):
    clock = FakeClock()
    late, other = lease(database, clock), lease(database, clock, ELSEWHERE)
    await late.hold()
    await other.hold()
    clock.advance(SECONDS)
    await other.hold()
    assert late.is_mine  # it has not asked since
    async with database.unit_of_work() as session:
        assert not await late.is_still_mine(session)
        assert await other.is_still_mine(session)


async def test_a_lease_that_was_given_up_is_free_at_once(database: Database):
    clock = FakeClock()
    first, second = lease(database, clock), lease(database, clock, ELSEWHERE)
    await first.hold()
    await first.release()
    assert not first.is_mine
    assert await second.hold()


async def test_giving_up_what_another_holds_changes_nothing(database: Database):
    clock = FakeClock()
    holder, other = lease(database, clock), lease(database, clock, ELSEWHERE)
    await holder.hold()
    await other.release()
    assert await holder.hold()


async def test_a_renewal_that_fails_leaves_nothing_to_act_on(database: Database):
    mine = lease(database, FakeClock())
    await mine.hold()
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
    with pytest.raises(DBAPIError):
        await mine.hold()
    assert not mine.is_mine


async def test_it_stays_ours_while_it_is_being_renewed(database: Database):
    mine = lease(database, FakeClock())
    await mine.hold()
    async with database.unit_of_work():
        renewing = asyncio.create_task(mine.hold())
        async with database.read() as session:
            assert await mine.is_still_mine(session)
        assert mine.is_mine
    assert await renewing


async def test_a_holder_whose_name_makes_no_sense_is_followed_when_silent(database: Database):
    clock = FakeClock()
    await lease(database, clock, replace(ELSEWHERE, host="")).hold()
    mine = Lease(database, "test", own_identity(), SECONDS, clock)
    assert not await mine.hold()
    clock.advance(SECONDS)
    assert await mine.hold()
