"""14. 1,000 clients of the event stream vanish at once: no task and no descriptor is left."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from support.application import Running, running_in
from support.engines import until
from support.serving import serving

CLIENTS = 1000
AT_A_TIME = 50
WITHIN_SECONDS = 300.0
"""On a busy machine; alone it takes a fraction of it."""
KEPT_BY_THE_DATABASE = 30
"""So many descriptors more or less its connections may have open; a leak has 1,000."""


async def come(address: str, api_key: str) -> asyncio.StreamWriter:
    """Return the connection of a client that was sent its snapshot."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = (
        "GET /api/v1/events?topics=operations HTTP/1.1",
        f"host: {address}",
        f"authorization: Bearer {api_key}",
    )
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    await reader.readuntil(b"event: snapshot")
    return writer


async def come_and_vanish(control: Running, address: str, clients: int) -> None:
    """Let clients come, see that every one is served, and take all of them away at once."""
    events = control.app.state.events
    door = asyncio.Semaphore(AT_A_TIME)

    async def enter() -> asyncio.StreamWriter:
        async with door:
            return await come(address, control.api_key)

    here = await asyncio.gather(*(enter() for _ in range(clients)))
    assert (events.open_count, events.hub.subscriber_count) == (clients, clients)
    for writer in here:
        writer.transport.abort()
    await until(lambda: not events.open_count and not events.hub.subscriber_count, WITHIN_SECONDS)


def open_descriptors() -> int:
    return psutil.Process().num_fds()


@pytest.mark.survival
async def test_14_a_thousand_clients_that_vanish_leave_no_task_and_no_descriptor(
    tmp_path: Path,
) -> None:
    async with (
        asyncio.timeout(WITHIN_SECONDS),
        running_in(tmp_path) as control,
        serving(control.app) as url,
    ):
        address = urlsplit(url).netloc
        await come_and_vanish(control, address, AT_A_TIME)  # what is opened once is kept
        tasks, descriptors = len(asyncio.all_tasks()), open_descriptors()
        await come_and_vanish(control, address, CLIENTS)
        await until(lambda: len(asyncio.all_tasks()) <= tasks, WITHIN_SECONDS)
        await until(
            lambda: open_descriptors() <= descriptors + KEPT_BY_THE_DATABASE, WITHIN_SECONDS
        )
