"""The engine's output as numbered lines: split, collapsed, bounded in rate and in number."""

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

MAX_LINE_CHARACTERS = 4096
LINES_PER_SECOND = 2000
"""What is kept of one stream of an engine, with bursts of as many; the rest is counted."""
SUPERVISOR = "supervisor"
"""The stream of what the supervisor itself says."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TAIL_BYTES = 16_384
_LINES_AFTER_FLOOD = 50
# vLLM prints its throughput every ten seconds; without requests that says nothing.
_IDLE = re.compile(r"Avg prompt throughput: .*Running: 0 reqs, Waiting: 0 reqs")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of output. `number` grows by one per line of a supervisor's life, from 1."""

    number: int
    at: str
    stream: str
    text: str
    phase: str | None = None
    """The engine's phase at that moment."""

    def as_dict(self) -> dict[str, str | int | None]:
        return {
            "number": self.number,
            "at": self.at,
            "stream": self.stream,
            "text": self.text,
            "phase": self.phase,
        }


class LogRing:
    """The last lines of a supervisor's life: at most so many, and so many characters in all."""

    def __init__(self, capacity: int = 20_000, most_characters: int = 8 << 20) -> None:
        self._lines: deque[Line] = deque(maxlen=capacity)
        self._most_characters = most_characters
        self._characters = 0
        self._last = 0

    @property
    def first(self) -> int:
        """The number of the oldest line held (of the next line, where none is)."""
        return self._lines[0].number if self._lines else self._last + 1

    @property
    def next(self) -> int:
        """The number that the next line will have."""
        return self._last + 1

    def add(self, stream: str, text: str, phase: str | None = None) -> None:
        self._last += 1
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = Line(self._last, at, stream, text[:MAX_LINE_CHARACTERS], phase)
        if len(self._lines) == self._lines.maxlen:
            self._characters -= len(self._lines[0].text)
        self._lines.append(line)
        self._characters += len(line.text)
        while self._characters > self._most_characters and len(self._lines) > 1:
            self._characters -= len(self._lines.popleft().text)

    def skip(self, count: int) -> None:
        """Note `count` lines that were dropped: their numbers stay without a line."""
        self._last += count

    def since(self, number: int, limit: int, most_characters: int | None = None) -> list[Line]:
        """Return up to `limit` lines from `number` on, oldest first; always one if there is one."""
        begin = bisect_left(self._lines, number, key=lambda line: line.number)
        found: list[Line] = []
        characters = 0
        for line in islice(self._lines, begin, begin + limit):
            characters += len(line.text)
            if most_characters is not None and characters > most_characters and found:
                break
            found.append(line)
        return found

    def last_texts(self, count: int, first: int) -> list[str]:
        """Return the engine's newest `count` texts from number `first` on, oldest first."""
        begin = max(0, len(self._lines) - count)
        newest = islice(self._lines, begin, None)
        return [line.text for line in newest if line.number >= first and line.stream != SUPERVISOR]


def visible(raw: bytes) -> str:
    """Return what a terminal would show of one line: the text after the last carriage return."""
    text = raw.decode("utf-8", "replace").rstrip("\r")
    return _ESCAPES.sub("", text.rpartition("\r")[2]).replace("\x00", "").rstrip()


class Output:
    """Reads one stream of the engine; hands whole lines to `line` and redrawn ones to `redraw`.

    At most `lines_per_second` are handed on. Beyond that bytes are only counted, so a flood costs
    little; `dropped` is told how many lines were left out, before the very last ones, which are
    always kept.
    """

    def __init__(
        self,
        line: Callable[[str], None],
        redraw: Callable[[str], None],
        dropped: Callable[[int], None],
        lines_per_second: int = LINES_PER_SECOND,
    ) -> None:
        self._line, self._redraw, self._told_dropped = line, redraw, dropped
        self._budget = lines_per_second
        self._left = float(lines_per_second)
        self._refilled: float | None = None
        self._rest = b""
        self._dropped = 0
        self._tail = b""

    def feed(self, data: bytes, now: float) -> None:
        """Take in what was read at monotonic time `now`."""
        self.settle(now)
        if self._dropped or self._left < 1:
            self._drop(self._rest + data)
            return
        *whole, self._rest = (self._rest + data).split(b"\n")
        for index, raw in enumerate(whole):
            if self._left < 1:
                self._drop(b"\n".join([*whole[index:], self._rest]))
                return
            self._hand(visible(raw))
        if len(self._rest) > 4 * MAX_LINE_CHARACTERS:
            self._rest = self._rest[-MAX_LINE_CHARACTERS:]
        if b"\r" in self._rest and visible(self._rest):
            self._redraw(visible(self._rest))

    def settle(self, now: float) -> None:
        """Some time after a flood, say what was left out and show its end."""
        self._refill(now)
        if self._dropped and self._left >= self._budget / 2:
            self._end_flood()

    def close(self) -> None:
        """The stream has ended: hand on what is left, the last lines of a flood included."""
        if self._dropped:
            self._end_flood()
        self._hand(visible(self._rest))
        self._rest = b""

    def _refill(self, now: float) -> None:
        if self._refilled is not None:
            self._left = min(self._budget, self._left + (now - self._refilled) * self._budget)
        self._refilled = now

    def _hand(self, text: str) -> None:
        if text and not _IDLE.search(text):
            self._left -= 1
            self._line(text)

    def _drop(self, data: bytes) -> None:
        self._rest = b""
        self._dropped += data.count(b"\n")
        self._tail = (self._tail + data[-_TAIL_BYTES:])[-_TAIL_BYTES:]

    def _end_flood(self) -> None:
        """Hand on the last lines of the flood, after telling how many others there were."""
        *whole, self._rest = self._tail.split(b"\n")
        last = whole[1:][-_LINES_AFTER_FLOOD:]
        self._told_dropped(self._dropped - len(last))
        self._dropped, self._tail = 0, b""
        left = self._left
        for raw in last:
            self._hand(visible(raw))
        self._left = left
