"""Row 28. The engine's port is taken: another one is used."""

import socket
import time

import pytest

from support.engines import supervised
from support.pace import slowness
from vllm_manager_engine.process import free_port

pytestmark = pytest.mark.survival


@pytest.mark.parametrize("told", [{}, {"bind_late": True, "loading_seconds": 0.3}])
async def test_another_port_is_used(told: dict[str, object]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        ports = iter([taken, taken])
        began = time.monotonic()
        async with supervised(
            fake=told, pick_port=lambda host: next(ports, None) or free_port(host)
        ) as supervisor:
            await supervisor.start()
            assert supervisor.engine is not None
            assert not supervisor.engine.endpoint.endswith(f":{taken}")
            assert supervisor.failure is None
            assert time.monotonic() - began < 15 * slowness()
