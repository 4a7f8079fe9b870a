"""Fixtures of the alerts' tests."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from monitoring.alerts.room import Mailbox, Room
from support.application import Running, database_in, running_in
from support.certificates import Authority
from support.http_server import Exchange, HttpServer
from vllm_manager.monitoring.alerts.channels import MailServer


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def mailbox(authority: Authority) -> Generator[Mailbox]:
    mailbox = Mailbox(authority)
    yield mailbox
    mailbox.close()


@pytest.fixture
async def room(tmp_path: Path, mailbox: Mailbox, authority: Authority) -> AsyncGenerator[Room]:
    url = f"smtp://manager:{mailbox.password}@localhost:{mailbox.port}"
    async with database_in(tmp_path) as database:
        server = MailServer(url, "manager@example.com")
        yield Room(database, tmp_path, server, authority.file)


@pytest.fixture
async def web() -> AsyncGenerator[HttpServer]:
    """A webhook's server that takes everything."""

    async def take(exchange: Exchange) -> None:
        exchange.reply_json({})

    async with HttpServer(take) as server:
        yield server


@pytest.fixture
async def control(tmp_path: Path) -> AsyncGenerator[Running]:
    async with running_in(tmp_path) as running:
        yield running
