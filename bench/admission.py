"""What limits cost a request: admission and settlement without any, with ten limits, with all 25.

    .venv/bin/python bench/admission.py [--rounds N] [--requests N]

One process, no network: the very calls that the gateway makes for each request, with the headers
that it sends, in the shared file that several workers lock, and without the lock of a single one.
The cases run in turns in one run, and each figure is the median of its rounds, of processor time.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from vllm_manager.gateway.accounts import open_accounts
from vllm_manager.gateway.admission import Claim, Ticket, admission_for
from vllm_manager.gateway.counts import Counts, create_private, create_shared, open_shared
from vllm_manager.gateway.identity import Asker
from vllm_manager.gateway.limits import Book
from vllm_manager.gateway.plans import NO_PLAN
from vllm_manager.gateway.queueing import Terms
from vllm_manager.gateway.snapshot import Limits, Snapshot
from vllm_manager.gateway.subjects import Subjects

GOAL_ADDED_MICROSECONDS = 15.0
SCOPES = ("installation", "team:t", "user:u", "key:k", "model:demo")
TEN = Limits(requests_per_minute=10**9, tokens_per_minute=10**12)
ALL = Limits(10**9, 10**12, 10**6, 10**15, 10**15)
CASES = {
    "no limits": Snapshot(),
    "ten limits: requests and tokens a minute in five scopes": Snapshot(
        limits=dict.fromkeys(SCOPES, TEN)
    ),
    "all 25 limits: five in each of five scopes": Snapshot(limits=dict.fromkeys(SCOPES, ALL)),
}
BOUND = "no limits, a model with a bound"
TERMS = Terms(10**6, 128, 30)
WORKERS = 2
"""Whose counts are added up where there are several."""
RESULT = Path(__file__).parent / "results" / "admission.json"


def prepare(
    folder: Path, snapshot: Snapshot, counts: Counts, terms: Terms | None = None
) -> Callable[[], None]:
    """Return what the gateway does for one request under these limits."""
    is_shared = not counts.is_alone
    book = Book(open_accounts(folder / "accounts", is_shared=is_shared), counts)
    admission, subjects = admission_for(counts, 10**6, book), Subjects(book)
    asker = Asker("u", "k", None, "t", "ci")

    def one() -> None:
        plan = subjects.of(snapshot, asker, "demo")
        ticket = admission.reserve(Claim("demo", "u", "k", terms, plan, 60, book.calendar()))
        if not isinstance(ticket, Ticket):
            raise RuntimeError(str(ticket))
        if plan is not NO_PLAN:
            book.headers_of_taken(plan)
        ticket.settle(10)

    return one


def microseconds(one: Callable[[], None], requests: int) -> float:
    """Return the processor time of one request."""
    began = time.process_time()
    for _ in range(requests):
        one()
    return (time.process_time() - began) / requests * 1e6


def measure(rounds: int, requests: int, *, is_shared: bool) -> dict[str, float]:
    """Return the median of each case."""
    with tempfile.TemporaryDirectory() as folder, create_shared(WORKERS) as shared:
        places = {name: Path(folder) / str(number) for number, name in enumerate(CASES)}
        ones = {
            name: prepare(
                places[name],
                snapshot,
                open_shared(shared.fileno(), 0) if is_shared else create_private(),
            )
            for name, snapshot in CASES.items()
        }
        counts = open_shared(shared.fileno(), 0) if is_shared else create_private()
        ones[BOUND] = prepare(Path(folder) / "bound", Snapshot(), counts, TERMS)
        taken: dict[str, list[float]] = {name: [] for name in ones}
        for _ in range(rounds):
            for name, one in ones.items():
                taken[name].append(microseconds(one, requests))
    return {name: statistics.median(found) for name, found in taken.items()}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=20_000)
    asked = parser.parse_args()
    result: dict[str, dict[str, float]] = {}
    is_missed = False
    for workers, is_shared in (("one worker", False), ("several workers", True)):
        found = measure(asked.rounds, asked.requests, is_shared=is_shared)
        result[workers] = {name: round(value, 2) for name, value in found.items()}
        none = found["no limits"]
        print(f"{workers}:")
        for name, value in found.items():
            added = value - none
            over = added > GOAL_ADDED_MICROSECONDS
            is_missed |= over
            word = f"  over {GOAL_ADDED_MICROSECONDS:g}" if over else ""
            print(f"  {value:6.2f} µs  (+{added:5.2f} µs{word})  {name}")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return 1 if is_missed else 0


if __name__ == "__main__":
    sys.exit(main())
