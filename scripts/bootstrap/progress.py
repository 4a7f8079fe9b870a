"""What a person sees during set-up: one line per step, with its seconds, and clear failures."""

import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager


class SetupError(Exception):
    """Set-up can't go on. The message says what happened; `remedy` says what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def _line(mark: str, name: str, note: str, end: str = "\n") -> None:
    sys.stdout.write(f"{mark} {name:<28} {note}{end}")
    sys.stdout.flush()


def _tick(name: str, start: float, finished: threading.Event) -> None:
    """Rewrite the step's line every second, on a terminal only."""
    while not finished.wait(1.0):
        _line("\r…", name, f"{time.monotonic() - start:4.0f} s ", end="")


@contextmanager
def step(name: str) -> Generator[None]:
    """Show a step while its block runs, then how long it took."""
    start, finished = time.monotonic(), threading.Event()
    ticker = threading.Thread(target=_tick, args=(name, start, finished), daemon=True)
    on_terminal = sys.stdout.isatty()
    if on_terminal:
        ticker.start()
    mark = "✗"
    try:
        yield
        mark = "✓"
    finally:
        finished.set()
        if on_terminal:
            ticker.join()
        _line(("\r" if on_terminal else "") + mark, name, f"{time.monotonic() - start:.1f} s ")


def note(name: str, text: str) -> None:
    """Show something that needed no work, or that a person should know."""
    _line("·", name, text)
