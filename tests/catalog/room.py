"""The catalog against a hub on loopback, a real database and a clock that tests move."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fakes.clock import FakeClock
from support.application import database_in, settings_in
from support.hub import Hub
from support.hub.models import DEMO
from vllm_manager.catalog import Catalog
from vllm_manager.catalog.build import build
from vllm_manager.db import Database
from vllm_manager.settings import Settings

CANARY = "hf_canaryCANARYcanary0123456789abcd"


class QuickClock(FakeClock):
    """Lets whoever sleeps go on at once, and the time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.slept_seconds: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept_seconds.append(seconds)
        self.advance(seconds)


@dataclass(frozen=True)
class Room:
    """The room and what it stands on."""

    catalog: Catalog
    database: Database
    clock: QuickClock
    settings: Settings
    hub: Hub


def engine_in(folder: Path) -> Path:
    """Return the Python of an engine environment that knows one architecture and the demo."""
    listing = folder / "engine" / "share" / "vllm-manager" / "arguments.json"
    listing.parent.mkdir(parents=True, exist_ok=True)
    listing.write_text(json.dumps({"architectures": ["LlamaForCausalLM"], "demo": str(DEMO)}))
    return folder / "engine" / "bin" / "python"


@asynccontextmanager
async def room_in(folder: Path, hub: Hub, **settings: object) -> AsyncGenerator[Room]:
    """Give the room; with the same folder again, it is one that was started anew."""
    engine = engine_in(folder)
    known = settings_in(folder, hub_endpoint=hub.url, engine_python=engine, **settings)
    async with (
        database_in(folder)
        if not (folder / "vllm-manager.db").exists()
        else _open(known) as database
    ):
        clock = QuickClock()
        catalog = build(known, database, clock)
        yield Room(catalog, database, clock, known, hub)
        await catalog.close()


@asynccontextmanager
async def _open(settings: Settings) -> AsyncGenerator[Database]:
    database = Database(settings.database)
    yield database
    await database.close()
