"""The gateway's processes: the parent, its workers, and what they need to run."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from support.control_plane import model, snapshot
from support.gateway import Gateway, Rig, rig
from support.http_server import Exchange
from support.upstream import FakeEngine, Held

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration]


async def python(code: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run `code` to its end."""
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )


def has_ended(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except ConnectionError:
        return True
    return False


async def test_it_starts_from_the_kept_snapshot_and_serves_without_the_control_plane(
    fresh: Rig,
) -> None:
    kept = fresh.gateway.run_dir / "gateway-snapshot.json"
    await fresh.gateway.when(kept.exists)
    assert kept.stat().st_mode & 0o777 == 0o600
    await fresh.control.kill()
    assert await fresh.gateway.stop() == 0
    await fresh.gateway.start()
    assert (await fresh.gateway.chat()).status_code == 200


async def test_usage_that_could_not_be_sent_is_sent_after_a_restart(fresh: Rig) -> None:
    await fresh.control.kill()
    await fresh.gateway.chat()
    await fresh.gateway.stop()
    spooled = list((fresh.gateway.run_dir / "usage").iterdir())
    assert [path.stat().st_mode & 0o777 for path in spooled] == [0o600]
    await fresh.control.listen()
    await fresh.gateway.start()
    (record,) = await fresh.control.wait_for_records(1)
    assert record["prompt_tokens"] == 7


async def test_a_stop_lets_requests_finish(fresh: Rig) -> None:
    fresh.engine.handler = held = Held()
    call = asyncio.create_task(fresh.gateway.chat())
    await held.waiting.wait()
    stop = asyncio.create_task(fresh.gateway.stop())
    await fresh.gateway.when(lambda: refuses(fresh.gateway.config.port))
    assert not stop.done()
    held.go_on.set()
    assert (await call).status_code == 200
    assert await stop == 0
    assert len(await fresh.control.wait_for_records(1)) == 1


async def test_a_stop_waits_no_longer_than_the_drain_allows(tmp_path: Path) -> None:
    async with rig(tmp_path, drain_seconds=1.0) as made:
        made.engine.handler = held = Held()
        call = asyncio.create_task(made.gateway.chat())
        await held.waiting.wait()
        assert await made.gateway.stop() == 0
        await asyncio.gather(call, return_exceptions=True)
        await asyncio.wait_for(made.engine.exchanges[0].gone.wait(), 30)
        (record,) = await made.control.wait_for_records(1)
        assert record["outcome"] == "cancelled"


async def test_a_stop_does_not_wait_for_event_streams(tmp_path: Path) -> None:
    async def events(exchange: Exchange) -> None:
        exchange.start(content_type="text/event-stream")
        await exchange.chunk(b": hello\n\n")
        await exchange.gone.wait()

    async with rig(tmp_path, drain_seconds=600) as made:
        made.control.answer_relayed = events
        _, writer = await asyncio.open_connection("127.0.0.1", made.gateway.config.port)
        writer.write(b"GET /api/v1/events HTTP/1.1\r\nhost: x\r\n\r\n")
        await made.gateway.when(lambda: bool(made.control.relayed))
        async with asyncio.timeout(60):
            await made.gateway.stop()
        writer.close()


async def test_when_the_parent_is_killed_its_workers_end_and_another_can_start(
    fresh: Rig,
) -> None:
    (worker,) = fresh.gateway.worker_pids
    os.kill(fresh.gateway.pid, signal.SIGKILL)
    await fresh.gateway.when(lambda: has_ended(worker))
    await fresh.gateway.stop()
    await fresh.gateway.start()
    assert (await fresh.gateway.chat()).status_code == 200


async def test_several_workers_serve_one_port_and_share_a_limit(tmp_path: Path) -> None:
    async with rig(tmp_path, workers=2) as made:
        assert len(made.gateway.worker_pids) == 2
        await made.gateway.when(lambda: len(set(made.control.workers)) >= 2)
        responses = await asyncio.gather(*(made.gateway.chat() for _ in range(20)))
        assert {response.status_code for response in responses} == {200}
        records = await made.control.wait_for_records(20)
        assert len(records) == 20


async def test_a_port_in_use_is_explained(fresh: Rig, tmp_path: Path) -> None:
    second = Gateway(tmp_path / "second", 1, port=fresh.gateway.config.port)
    code = "import sys; from vllm_manager.gateway import workers; sys.exit(workers.main())"
    run = await python(code, **second.environment)
    await second.client.aclose()
    assert run.returncode == 1
    assert "VLLM_MANAGER_PORT" in json.loads(run.stderr)["message"]


async def test_a_change_is_in_force_within_a_moment(fresh: Rig) -> None:
    async with FakeEngine() as other:
        await fresh.gateway.publish(fresh.control, snapshot({"other": model(other.endpoint())}))
        assert (await fresh.gateway.chat(model="other")).status_code == 200
        assert (await fresh.gateway.chat()).status_code == 404


async def test_a_control_plane_that_falls_silent_is_left_for_a_new_connection(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, stale_seconds=0.5) as made:
        await made.gateway.when(lambda: len(made.control.workers) >= 2)
        assert (await made.gateway.chat()).status_code == 200


async def test_both_processes_are_small(fresh: Rig) -> None:
    await asyncio.gather(*(fresh.gateway.chat() for _ in range(200)))
    (worker,) = fresh.gateway.worker_pids
    assert psutil.Process(worker).memory_info().rss <= 80e6
    assert psutil.Process(fresh.gateway.pid).memory_info().rss <= 40e6


async def test_a_worker_imports_nothing_heavy() -> None:
    code = (
        "import sys, vllm_manager.gateway.worker, vllm_manager.gateway.workers\n"
        "heavy = {'pydantic', 'fastapi', 'starlette', 'sqlalchemy', 'httpx'}\n"
        "print(sorted(heavy & {*sys.modules}))"
    )
    assert (await python(code)).stdout.strip() == b"[]"


async def test_serving_becomes_the_parent_process(tmp_path: Path) -> None:
    code = (
        "from vllm_manager.gateway import serve\n"
        "from vllm_manager.settings import Settings\n"
        "import sys; sys.exit(serve(Settings()))"
    )
    environment = {
        "VLLM_MANAGER_HOME": str(tmp_path),
        "VLLM_MANAGER_HOST": "203.0.113.1",  # no address of this machine: it can't be bound
    }
    run = await python(code, **environment)
    assert run.returncode == 1
    assert "203.0.113.1" in json.loads(run.stderr)["message"]
