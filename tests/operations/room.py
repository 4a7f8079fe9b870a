"""Operations on real SQLite, with a clock to move and a hub to listen to."""

from dataclasses import dataclass

from fakes.clock import FakeClock
from vllm_manager.db import Database
from vllm_manager.kit.topics import Hub
from vllm_manager.operations import IdempotencyKey, Operation, OperationKind, Operations


@dataclass(frozen=True, slots=True)
class Room:
    """The service and what it stands on."""

    database: Database
    hub: Hub
    clock: FakeClock
    operations: Operations

    async def begin(
        self,
        kind: OperationKind = "deployment.start",
        subject: str = "demo",
        key: IdempotencyKey | None = None,
    ) -> Operation:
        async with self.database.unit_of_work() as session:
            begun = await self.operations.begin(session, kind, subject, key)
        self.operations.announce(begun)
        return begun.operation

    async def repeated(self, key: IdempotencyKey) -> Operation | None:
        async with self.database.read() as session:
            return await self.operations.repeated(session, key)
