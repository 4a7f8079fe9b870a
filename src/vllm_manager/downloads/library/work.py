"""Long work on the library's files: each piece in a thread, seen as an operation as it goes on."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from vllm_manager.db import Database, Lease
from vllm_manager.kit.errors import Problem, ProblemDetails, Remedy
from vllm_manager.operations import Operation, OperationKind, Operations, Outcome

log = logging.getLogger(__name__)

_TELL_SECONDS: Final = 0.5
KINDS: Final = ("model.verify", "model.adopt", "model.import")


class Interrupted(Exception):
    """The work was asked to end before it was done."""


@dataclass
class Progress:
    """How far a piece of work is; written in its thread, read on the loop."""

    message: str = "Starting."
    bytes_done: int = 0
    bytes_total: int | None = None
    stopping: threading.Event = field(default_factory=threading.Event)

    def advance(self, count_bytes: int) -> None:
        """Count bytes that are done.

        Raises:
            Interrupted: the control plane is about to end.
        """
        if self.stopping.is_set():
            raise Interrupted
        self.bytes_done += count_bytes

    @property
    def share(self) -> float | None:
        if not self.bytes_total:
            return None
        return min(1.0, self.bytes_done / self.bytes_total)


Piece = Callable[[Progress], str]
"""Blocks; returns how it ended, in a sentence; raises a Problem where it failed."""

After = Callable[[Problem | None], Awaitable[None]]


class Work:
    """Runs pieces of work, one for each subject at a time.

    Several control planes may share a database. Each piece has a lease by the name of its
    operation, which this one renews while it lives: `tend` must be called again and again.
    """

    def __init__(
        self, database: Database, operations: Operations, lease_of: Callable[[str], Lease]
    ) -> None:
        """`lease_of` makes a lease of this name for this process."""
        self._database = database
        self._operations = operations
        self._lease_of = lease_of
        self._running: dict[str, tuple[Operation, Progress, asyncio.Task[None]]] = {}
        self._own: dict[str, Lease] = {}
        self._others: dict[str, Lease] = {}
        """By operation. Others' are watched: how long they were not renewed."""
        self._turn = asyncio.Lock()
        """Held where a lease and what stands for it change, so that no look falls between."""

    async def begin(
        self, kind: OperationKind, subject: str, piece: Piece, after: After | None = None
    ) -> Operation:
        """Start work on `subject`; return its operation, which is told how it goes on.

        Asked again while it runs, the same one is returned.

        Raises:
            Problem: other work on the same subject is under way (409, `model_busy`).
        """
        known = self._running.get(subject)
        if known is not None and not known[2].done():
            if known[0].kind == kind:
                return known[0]
            raise _busy(known[0])
        async with self._turn, self._database.unit_of_work() as session:
            begun = await self._operations.begin(session, kind, subject)
            lease = self._lease_of(begun.operation.id)
            lease.take_in(session)
            self._own[begun.operation.id] = lease
        self._operations.announce(begun)
        progress = Progress()
        task = asyncio.create_task(
            self._run(begun.operation, progress, piece, after), name=f"{kind} {subject}"
        )
        self._running[subject] = (begun.operation, progress, task)
        return begun.operation

    async def tend(self) -> None:
        """Renew what is ours, and close what a control plane began that is dead or silent."""
        is_open = [o for o in await self._operations.open("model") if o.kind in KINDS]
        for operation in is_open:
            async with self._turn:
                await self._look_at(operation)
        still = {operation.id for operation in is_open}
        self._others = {id_: lease for id_, lease in self._others.items() if id_ in still}

    async def _look_at(self, operation: Operation) -> None:
        own = self._own.get(operation.id)
        if own is not None:
            await own.hold()
            return
        lease = self._others.setdefault(operation.id, self._lease_of(operation.id))
        if await lease.hold():  # nobody alive has it
            await self._settle(operation, _ended(operation), lease)

    async def close(self) -> None:
        """Ask everything to end, and wait until it has."""
        for _, progress, _ in self._running.values():
            progress.stopping.set()
        tasks = [task for _, _, task in self._running.values()]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(
        self, operation: Operation, progress: Progress, piece: Piece, after: After | None
    ) -> None:
        thread = asyncio.create_task(asyncio.to_thread(piece, progress))
        while not (await asyncio.wait([thread], timeout=_TELL_SECONDS))[0]:
            told = Outcome("running", progress.message, progress.share)
            await self._operations.settle({operation.id: told})
        outcome, problem = _outcome(operation, thread)
        try:
            if after is not None:
                await after(problem)
        finally:
            async with self._turn:
                await self._settle(operation, outcome, self._own.pop(operation.id))

    async def _settle(self, operation: Operation, outcome: Outcome, lease: Lease) -> None:
        """Record an end, and give its lease up in the same transaction."""
        async with self._database.unit_of_work() as session:
            changed = await self._operations.settle_in(session, {operation.id: outcome})
            await lease.release_in(session)
        self._operations.announce_settled(changed)


def _outcome(operation: Operation, thread: asyncio.Task[str]) -> tuple[Outcome, Problem | None]:
    try:
        return Outcome("succeeded", thread.result(), 1.0), None
    except Problem as problem:
        return Outcome("failed", problem.details.detail, None, problem.details), problem
    except Interrupted:
        return _ended(operation), None
    except OSError as error:
        problem = _refused(error)
    except Exception as error:
        log.exception("%s of %s failed", operation.kind, operation.subject)
        problem = Problem("internal_error", f"A fault of this product: {error!r}", status=500)
    return Outcome("failed", problem.details.detail, None, problem.details), problem


def _ended(operation: Operation) -> Outcome:
    return Outcome("failed", _INTERRUPTED.detail, operation.progress, _INTERRUPTED)


_INTERRUPTED: Final[ProblemDetails] = Problem(
    "work_interrupted",
    "The control plane ended before this was done. Nothing was damaged; ask for it again.",
    status=503,
    retryable=True,
).details


def _refused(error: OSError) -> Problem:
    where = f" ({error.filename})" if error.filename else ""
    return Problem(
        "disk_failed",
        f"The disk refused{where}: {error.strerror or error}. Nothing half-done is shown as a "
        "model; ask again when that is mended.",
        status=500,
        remediation=[Remedy(label="Look at the disk's free space and rights, then ask again.")],
    )


def _busy(operation: Operation) -> Problem:
    verb = operation.kind.partition(".")[2]
    return Problem(
        "model_busy",
        f"{operation.subject}: another operation on it ({verb}) is under way. Wait until it ends.",
        status=409,
        retryable=True,
        retry_after_seconds=5,
    )
