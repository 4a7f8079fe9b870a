"""What the engine is doing, read from what it prints: phase, progress within it, its last words."""

import re
from dataclasses import dataclass, field

ORDER = ("starting", "fetching", "loading", "compiling", "warming", "ready")

# vLLM 0.32 on CPU and GPU. A line enters its phase where that is not behind the present one.
_MARKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("fetching", re.compile(r"Fetching \d+ files|Downloading|"
                            r"\.(safetensors|json|model):\s+\d+%\|")),
    ("loading", re.compile(r"Starting to load model|Loading safetensors checkpoint shards|"
                           r"Loading weights took|Loading model from scratch")),
    ("compiling", re.compile(r"torch\.compile (?:takes|took|and)|"
                             r"Dynamo bytecode transform|Compiling a graph|"
                             r"Cache the graph|Directly load the compiled graph|"
                             r"Capturing CUDA graph")),
    ("warming", re.compile(r"KV cache size|Maximum concurrency for|[Ww]arming up|Warmup|"
                           r"init engine \(profile|Starting vLLM server|Application startup")),
)  # fmt: skip
_PERCENT = re.compile(r"(?<![\d.])(\d{1,3})(?:\.\d+)?%")
_PREFIX = re.compile(
    r"^(?:\([\w -]+ pid=\d+\) )*(?:(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) \d\d-\d\d \d\d:\d\d:\d\d "
    r"\[[^\]]*\] ?|(?:INFO|WARNING|ERROR): +)?"
)
_LISTENING = re.compile(r"Starting vLLM server on|Application startup complete")


def words(line: str) -> str:
    """Return `line` without vLLM's process name, level, time and place."""
    return line[_PREFIX.match(line).end() :].strip() if line else ""  # pyright: ignore[reportOptionalMemberAccess]


def percent(text: str) -> float | None:
    """Return the first percentage in `text` as a fraction, or None."""
    found = _PERCENT.search(text)
    return min(int(found[1]), 100) / 100 if found else None


def is_listening(line: str) -> bool:
    """Say whether `line` announces that the engine's port answers, or is about to."""
    return _LISTENING.search(line) is not None


def phase_of(line: str) -> str | None:
    """Return the phase that `line` is a sign of, or None."""
    for phase, pattern in _MARKS:
        if pattern.search(line):
            return phase
    return None


@dataclass(slots=True)
class Step:
    """A finished phase and how long it took."""

    phase: str
    seconds: float


@dataclass(slots=True)
class Course:
    """Where a replica stands. Every `now` is monotonic seconds; a phase is never left backwards
    by what the engine prints, only by `enter`.
    """

    now: float
    phase: str = "starting"
    progress: float | None = None
    message: str | None = None
    timeline: list[Step] = field(default_factory=list[Step])
    since: float = field(init=False)
    moved: float = field(init=False)

    def __post_init__(self) -> None:
        self.since = self.moved = self.now

    def read(self, line: str, now: float) -> bool:
        """Take in one printed line; returns whether the phase changed."""
        text = words(line)
        if not text or text == self.message:
            return False
        self.moved, self.message = now, text
        found = phase_of(text)
        if found is None or self.phase not in ORDER[:-1]:
            return False
        changed = ORDER.index(found) > ORDER.index(self.phase)
        if changed:
            self.enter(found, now)
        if found == self.phase and found in ("fetching", "loading", "compiling"):
            self.progress = percent(text) if percent(text) is not None else self.progress
        return changed

    def enter(self, phase: str, now: float) -> None:
        """Begin `phase`; the one before joins the timeline."""
        if phase == self.phase:
            return
        self.timeline.append(Step(self.phase, now - self.since))
        self.phase, self.since, self.moved, self.progress = phase, now, now, None

    def restart(self, now: float) -> None:
        """Begin again from nothing, as a new process does."""
        self.phase, self.progress, self.message = "starting", None, None
        self.since = self.moved = now
        self.timeline.clear()
