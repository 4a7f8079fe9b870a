"""How long after a client has left its request is aborted at the upstream, in every phase."""

import asyncio
import json
import time

from support.control_plane import KEY, ControlPlane, model, snapshot
from support.gateway import Gateway
from support.upstream import FakeEngine, Held

_ROUNDS = 10


async def measure_abort_seconds(control: ControlPlane, gateway: Gateway) -> float:
    """Return the longest of several aborts: non-stream, before the first token, in mid-stream."""
    async with FakeEngine() as engine:
        await gateway.publish(control, snapshot({"demo": model(engine.endpoint())}))
        longest = 0.0
        for stream, chunks_first in ((False, None), (True, None), (True, 0), (True, 3)):
            for _ in range(_ROUNDS):
                held = Held(chunks_first=chunks_first)
                engine.handler = held
                longest = max(longest, await _leave(gateway, engine, held, stream=stream))
        return longest


async def _leave(gateway: Gateway, engine: FakeEngine, held: Held, *, stream: bool) -> float:
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.config.port)
    body = json.dumps({"model": "demo", "messages": [], "stream": stream}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await held.waiting.wait()
    exchange = engine.exchanges[-1]
    left_at = time.perf_counter()
    writer.transport.abort()
    await asyncio.wait_for(exchange.gone.wait(), 10)
    seconds = time.perf_counter() - left_at
    held.go_on.set()
    return seconds
