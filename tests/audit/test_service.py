"""The audit log on a real database: written, listed, verified, pruned, and refused."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from fakes.clock import FakeClock
from vllm_manager.audit import Attempt, AuditLog
from vllm_manager.audit.store import Wanted
from vllm_manager.db import Database
from vllm_manager.kit.errors import Problem

ANYTHING = Wanted()


async def do(audit: AuditLog, action: str = "stopDeployment", subject: str | None = None) -> int:
    """Write down something that was done."""
    seq = await audit.begin(Attempt(action=action, actor="anna", subject=subject))
    await audit.finish(seq, action, 200, None)
    return seq


async def test_what_was_done_is_listed_with_what_came_of_it(audit: AuditLog) -> None:
    await do(audit, subject="demo")
    seq = await audit.begin(Attempt(action="deleteDeployment", actor="bob", subject="demo"))
    await audit.finish(seq, "deleteDeployment", 403, "forbidden")
    await audit.begin(Attempt(action="login", actor="eve"))
    page = await audit.list(ANYTHING, 10)
    assert [(e.actor, e.action, e.outcome, e.code) for e in page.items] == [
        ("eve", "login", "unknown", None),
        ("bob", "deleteDeployment", "refused", "forbidden"),
        ("anna", "stopDeployment", "done", None),
    ]


async def test_it_is_read_page_by_page_and_by_what_is_sought(audit: AuditLog) -> None:
    for name in ("one", "two", "three"):
        await do(audit, subject=name)
    first = await audit.list(ANYTHING, 2)
    second = await audit.list(ANYTHING, 2, first.next_cursor)
    assert [e.subject for e in (*first.items, *second.items)] == ["three", "two", "one"]
    assert second.next_cursor is None
    assert len((await audit.list(Wanted(subject="two"), 10)).items) == 1
    assert (await audit.list(Wanted(actor="nobody"), 10)).items == []


async def test_entries_written_at_once_are_one_chain(audit: AuditLog) -> None:
    await asyncio.gather(*(do(audit, subject=str(n)) for n in range(20)))
    report = await audit.verify()
    assert (report.ok, report.entries) == (True, 40)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_log SET actor = 'somebody' WHERE seq = 3",
        "UPDATE audit_log SET status = 500 WHERE seq = 4",
        "DELETE FROM audit_log WHERE seq = 3",
        "DELETE FROM audit_log WHERE seq <= 3",
    ],
)
async def test_a_change_behind_its_back_is_found(
    audit: AuditLog, database: Database, change: str
) -> None:
    for _ in range(4):
        await do(audit)
    assert (await audit.verify()).ok
    async with database.engine.begin() as connection:
        await connection.execute(text(change))
    report = await audit.verify()
    assert not report.ok
    assert report.broken_at in (3, 4)
    assert report.reason


async def test_what_is_pruned_leaves_a_chain_that_can_be_verified(
    audit: AuditLog, clock: FakeClock
) -> None:
    for _ in range(3):
        await do(audit, subject="old")
    clock.advance(timedelta(days=11).total_seconds())
    await do(audit, subject="new")
    await audit.prune()
    await audit.prune()
    page = await audit.list(ANYTHING, 10)
    assert [e.subject for e in page.items if e.action != "pruneAudit"] == ["new"]
    report = await audit.verify()
    assert (report.ok, report.first_seq) == (True, 7)


async def test_an_entry_of_a_clock_that_was_far_back_takes_none_of_those_before_it(
    audit: AuditLog, clock: FakeClock
) -> None:
    await do(audit, subject="before")
    years = timedelta(days=3650).total_seconds()
    clock.advance(-years)
    await do(audit, subject="while the clock was wrong")
    clock.advance(years)
    await do(audit, subject="after")
    await audit.prune()
    page = await audit.list(ANYTHING, 10)
    assert [e.subject for e in page.items] == ["after", "while the clock was wrong", "before"]
    clock.advance(timedelta(days=11).total_seconds())
    await do(audit, subject="much later")
    await audit.prune()
    page = await audit.list(ANYTHING, 10)
    assert [e.subject for e in page.items if e.action != "pruneAudit"] == ["much later"]
    assert (await audit.verify()).ok


async def test_a_log_of_old_entries_alone_keeps_its_newest(
    audit: AuditLog, clock: FakeClock
) -> None:
    for _ in range(3):
        await do(audit)
    clock.advance(timedelta(days=11).total_seconds())
    await audit.prune()
    report = await audit.verify()
    assert (report.ok, report.first_seq, report.last_seq) == (True, 6, 7)


async def test_a_log_that_can_t_be_written_refuses(audit: AuditLog, database: Database) -> None:
    await do(audit)
    async with database.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE audit_log RENAME TO audit_log_away"))
    with pytest.raises(Problem) as caught:
        await audit.begin(Attempt(action="stopDeployment"))
    assert (caught.value.code, caught.value.details.status) == ("audit_unavailable", 503)
    assert caught.value.details.retryable
    await audit.finish(1, "stopDeployment", 200, None)
    assert audit.unfinished == 1


async def test_an_empty_log_is_whole(audit: AuditLog) -> None:
    report = await audit.verify()
    assert (report.ok, report.entries, report.head) == (True, 0, None)
