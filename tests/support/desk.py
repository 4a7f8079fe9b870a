"""Admission with limits on a clock of the test's own, without a gateway around it."""

from dataclasses import dataclass, field

import msgspec

from vllm_manager.gateway.accounts import Accounts, private_accounts
from vllm_manager.gateway.admission import Admission, Claim, Denial, Ticket, admission_for
from vllm_manager.gateway.counts import Counts, create_private
from vllm_manager.gateway.limits import Book
from vllm_manager.gateway.plans import Limited
from vllm_manager.gateway.queueing import TurnedAway
from vllm_manager.gateway.snapshot import Limits, Used

NOON = 1_795_521_600.0  # 2026-11-24T12:00:00Z


@dataclass
class Desk:
    """Admission with limits, and a clock that moves by hand."""

    accounts: Accounts = field(default_factory=private_accounts)
    seconds: float = 1000.0
    day_seconds: float = NOON

    def __post_init__(self) -> None:
        self.counts: Counts = create_private()
        self.book = Book(self.accounts, self.counts, lambda: self.seconds, lambda: self.day_seconds)
        self.admission: Admission = admission_for(self.counts, 100_000, self.book)

    def limited(self, subject: str = "key:k", used: Used | None = None, **limits: int) -> Limited:
        row = self.book.open(subject, used)
        assert row is not None
        figures = msgspec.convert(limits, Limits)
        return Limited(subject, f"the {subject}", figures, row)

    def ask(self, *limited: Limited, tokens: int = 1) -> Ticket | Denial:
        claim = Claim(
            "demo", "usr", "k", None, self.book.plan(limited), tokens, self.book.calendar()
        )
        asked = self.admission.reserve(claim)
        assert not isinstance(asked, TurnedAway)
        return asked

    def admitted(self, *limited: Limited, tokens: int = 1) -> Ticket:
        ticket = self.ask(*limited, tokens=tokens)
        assert isinstance(ticket, Ticket), ticket
        return ticket

    def denied(self, *limited: Limited, tokens: int = 1) -> Denial:
        denial = self.ask(*limited, tokens=tokens)
        assert isinstance(denial, Denial)
        return denial

    def told(self, *limited: Limited) -> dict[str, str]:
        return {
            name.decode(): value.decode()
            for name, value in self.book.headers(self.book.plan(limited))
        }
