"""One kept line: as it lies in its file, where it stands among others, and what is missing."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec

from vllm_manager.deployments.reports import ReportBody
from vllm_manager.deployments.schemas import LogLine

LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
GAP: Final = "gap"


class KeptLine(msgspec.Struct, omit_defaults=True, gc=False):
    """A line as it lies in its file. `order` never goes back, as `at` does when a clock is set."""

    number: int
    at: datetime
    replica: str
    attempt: int
    stream: str
    text: str
    order: datetime
    phase: str | None = None
    dropped: int | None = None


encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(KeptLine)


def parse(raw: bytes) -> KeptLine | None:
    """Return the line in a file's line; None where it is torn, or something else."""
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def key_of(line: KeptLine) -> str:
    """Return what sorts lines of all replicas by time, then by number."""
    moment = line.order.astimezone(UTC).isoformat(timespec="microseconds")
    return f"{moment}|{line.replica}|{line.number:012d}"


def moment_of(key: str | None) -> datetime | None:
    """Return the time that a key begins with; None where it begins with none."""
    try:
        told = datetime.fromisoformat(key.partition("|")[0]) if key else None
    except ValueError:
        return None
    return told if told and told.tzinfo else None


def as_line(line: KeptLine) -> LogLine:
    """Return the line as clients see it."""
    return LogLine(
        number=line.number,
        at=line.at,
        replica=line.replica,
        attempt=line.attempt,
        stream=line.stream,
        text=line.text,
        phase=line.phase,
        dropped=line.dropped,
    )


def kept_lines(body: ReportBody, wanted: int, order: datetime) -> list[KeptLine]:
    """Return the lines of a report from number `wanted` on, none placed before `order`."""
    found: list[KeptLine] = []
    replica, attempt = body.replica_id, body.attempt
    for line in body.log:
        if line.number < wanted:
            continue
        order = max(order, line.at)
        found.append(
            KeptLine(
                line.number, line.at, replica, attempt, line.stream, line.text, order, line.phase
            )
        )
    return found


def missing(first: int, following: KeptLine) -> KeptLine | None:
    """Return the gap where lines from number `first` on should stand before `following`."""
    count = following.number - first
    if count <= 0:
        return None
    return KeptLine(
        number=following.number - 1,
        at=following.at,
        replica=following.replica,
        attempt=following.attempt,
        stream=GAP,
        text=f"… {count:,} {'line was' if count == 1 else 'lines were'} dropped here …",
        order=following.order,
        phase=following.phase,
        dropped=count,
    )


def with_gaps(lines: Iterable[KeptLine], first: int) -> Iterator[KeptLine]:
    """Yield lines in the order of their numbers, and gaps; the first should have number `first`."""
    for line in lines:
        gap = missing(first, line)
        if gap is not None:
            yield gap
        yield line
        first = line.number + 1


def backwards_with_gaps(lines: Iterable[KeptLine]) -> Iterator[KeptLine]:
    """The same from the newest line to the oldest, whose number should be 1."""
    later: KeptLine | None = None
    for line in lines:
        if later is not None:
            gap = missing(line.number + 1, later)
            if gap is not None:
                yield gap
        yield line
        later = line
    if later is not None:
        gap = missing(1, later)
        if gap is not None:
            yield gap
