"""A lease in the database: of several control planes, one acts."""

from sqlalchemy import Integer, String
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from vllm_manager.db.base import Base
from vllm_manager.db.session import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.process import ProcessIdentity


class LeaseRow(Base):
    """Who acts under this name. `beat` grows with each renewal; no wall clock is compared."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    holder: Mapped[str] = mapped_column(String(255))
    beat: Mapped[int] = mapped_column(Integer)


class Lease:
    """Held by renewing it; taken over when its holder is dead or has not renewed for long enough.

    The time without renewal is measured on this process's monotonic clock, from when it first saw
    the present beat: a wall clock that jumps changes nothing.
    """

    def __init__(
        self, database: Database, name: str, me: ProcessIdentity, seconds: float, clock: Clock
    ) -> None:
        self._database = database
        self._name = name
        self._me = str(me)
        self._seconds = seconds
        self._clock = clock
        self._seen: tuple[str, int] | None = None
        self._seen_at = 0.0
        self.holder: str | None = None

    @property
    def is_mine(self) -> bool:
        """Whether the last `hold` succeeded."""
        return self.holder == self._me

    async def hold(self) -> bool:
        """Renew the lease, or take it if nobody alive holds it; return whether it is ours.

        Until the answer is there the last one stands; where none comes, it is ours no more.
        """
        try:
            self.holder = await self._renew()
        except BaseException:
            self.holder = None
            raise
        return self.is_mine

    async def _renew(self) -> str:
        async with self._database.unit_of_work() as session:
            row = await session.get(LeaseRow, self._name, with_for_update=True)
            if row is None:
                row = LeaseRow(name=self._name, holder=self._me, beat=0)
                session.add(row)
            if row.holder == self._me or self._is_abandoned(row):
                row.holder = self._me
                row.beat += 1
            return row.holder

    async def is_still_mine(self, session: AsyncSession) -> bool:
        """Check within the caller's transaction, so that a late writer writes nothing."""
        row = await session.get(LeaseRow, self._name, populate_existing=True)
        return row is not None and row.holder == self._me

    async def release(self) -> None:
        """Give the lease up at once, so that the next holder need not wait."""
        async with self._database.unit_of_work() as session:
            await self.release_in(session)

    def take_in(self, session: AsyncSession) -> None:
        """Take a lease that has just been invented, in the transaction of what it stands for."""
        session.add(LeaseRow(name=self._name, holder=self._me, beat=0))
        self.holder = self._me

    async def release_in(self, session: AsyncSession) -> None:
        """Give the lease up in the transaction that ends what it stood for."""
        row = await session.get(LeaseRow, self._name, with_for_update=True)
        if row is not None and row.holder == self._me:
            await session.delete(row)
        self.holder = None

    def _is_abandoned(self, row: LeaseRow) -> bool:
        seen = (row.holder, row.beat)
        if seen != self._seen:
            self._seen, self._seen_at = seen, self._clock.monotonic()
        if self._clock.monotonic() - self._seen_at >= self._seconds:
            return True
        try:
            return ProcessIdentity.parse(row.holder).is_known_dead()
        except ValueError:
            return False
