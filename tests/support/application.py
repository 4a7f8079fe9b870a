"""The real control plane for tests: real SQLite, the real application, a Ray that is not there."""

import atexit
import json
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
from fastapi import FastAPI
from sqlalchemy import create_engine

from support.databases import database_url, is_on_postgres
from vllm_manager.api.app import create_app
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.migrations.metadata import METADATA
from vllm_manager.settings import Settings

ORIGIN = "http://manager.test"
_ARGUMENTS = Path(__file__).parent.parent / "fixtures" / "engine_arguments.json"


def settings_in(home: Path, **more: object) -> Settings:
    """Return settings for a home of its own, without Ray and without the demo model."""
    values = {
        "home": home,
        "demo": False,
        "ray_address": "http://127.0.0.1:9",
        "database_url": database_url(home) if is_on_postgres() else None,
        **more,
    }
    return Settings.model_validate(values)


def engine_python_in(folder: Path) -> Path:
    """Return the Python of an engine environment that holds vLLM's argument list alone."""
    listing = folder / "engine" / "share" / "vllm-manager" / "arguments.json"
    listing.parent.mkdir(parents=True)
    shutil.copy(_ARGUMENTS, listing)
    return folder / "engine" / "bin" / "python"


@cache
def _empty_database() -> Path:
    """Make one file with every table, to be copied: quicker than making each again."""
    folder = Path(tempfile.mkdtemp(prefix="vm-schema-"))
    atexit.register(shutil.rmtree, folder)
    engine = create_engine(f"sqlite:///{folder / 'empty.db'}")
    METADATA.create_all(engine)
    engine.dispose()
    return folder / "empty.db"


@asynccontextmanager
async def database_in(folder: Path) -> AsyncGenerator[Database]:
    """Yield a database with every table: the folder's own, where it has one."""
    file = folder / "vllm-manager.db"
    if not is_on_postgres() and not file.exists():
        shutil.copy(_empty_database(), file)
    database = Database(database_url(folder))
    if is_on_postgres():
        async with database.engine.begin() as connection:
            await connection.run_sync(METADATA.create_all)
    try:
        yield database
    finally:
        await database.close()


@dataclass(frozen=True, slots=True)
class Running:
    """An application that runs, a client without credentials, and the administrator's own."""

    app: FastAPI
    client: httpx.AsyncClient
    home: Path
    username: str
    password: str
    api_key: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.api_key}"}

    def token(self, name: str) -> dict[str, str]:
        """Return the header with one of the product's own tokens."""
        text = (self.home / "secrets" / name).read_text().strip()
        return {"authorization": f"Bearer {text}"}

    async def log_in(self) -> dict[str, str]:
        """Log the client in and return the CSRF header."""
        body = {"username": self.username, "password": self.password}
        answer = await self.client.post("/api/v1/auth/login", json=body)
        assert answer.status_code == 200, answer.text
        return {"x-csrf-token": answer.json()["csrf_token"]}


@asynccontextmanager
async def running_in(
    home: Path, clock: Clock | None = None, static: Path | None = None, **settings: object
) -> AsyncGenerator[Running]:
    """Run the application in this process and yield it."""
    async with database_in(home):
        pass
    app = create_app(settings_in(home, **settings), clock, static or home / "static")
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client,
    ):
        yield Running(app, client, home, **json.loads((home / "secrets/admin.json").read_text()))
