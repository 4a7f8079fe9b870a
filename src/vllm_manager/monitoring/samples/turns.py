"""Long work on the event loop, done piece by piece: others have their turn in between."""

import asyncio
import time
from collections.abc import Generator
from typing import Final, TypeVar

Result = TypeVar("Result")
Pieces = Generator[None, None, Result]
"""Work that pauses wherever it may be left for a while, or for good; it returns its result."""

_TURN_SECONDS: Final = 0.002


async def in_turns(pieces: Pieces[Result]) -> Result:
    """Do the work and return its result. After each turn the event loop is free for as long."""
    while True:
        until = time.perf_counter() + _TURN_SECONDS
        try:
            while time.perf_counter() < until:
                next(pieces)
        except StopIteration as end:
            return end.value
        await asyncio.sleep(_TURN_SECONDS)
