"""The control plane as a process: it starts, refuses clearly, and stops cleanly."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.integration

PROGRAM = """
import sys
from pathlib import Path
from vllm_manager.api.server import run
from vllm_manager.settings import Settings
sys.exit(run(Settings()))
"""
WITHIN_SECONDS = 60.0


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(home: Path, port: int) -> dict[str, str]:
    return {
        **os.environ,
        "VLLM_MANAGER_HOME": str(home),
        "VLLM_MANAGER_CONTROL_PORT": str(port),
        "VLLM_MANAGER_RAY_ADDRESS": "http://127.0.0.1:9",
        "VLLM_MANAGER_DEMO": "false",
    }


def refusal(home: Path, port: int) -> str:
    """Start a control plane that must not start and return what it says."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment(home, port),
        capture_output=True,
        text=True,
        timeout=WITHIN_SECONDS,
    )
    assert done.returncode == 1
    return done.stderr


@contextmanager
def started(
    home: Path, port: int, *arguments: str, more: dict[str, str] | None = None
) -> Generator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    process = subprocess.Popen(command, env=environment(home, port) | (more or {}))
    try:
        wait_until_alive(process, port)
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until_alive(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, "it ended instead of starting"
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz")
        except httpx.TransportError:
            continue
        return
    raise AssertionError("it did not start in time")


def key_of(home: Path) -> dict[str, str]:
    admin = json.loads((home / "secrets" / "admin.json").read_text())
    return {"authorization": f"Bearer {admin['api_key']}"}


def test_it_stops_at_once_with_endless_streams_open(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "logs" / "control-plane.log"
    with started(tmp_path, port) as process, httpx.Client() as client:
        url = f"http://127.0.0.1:{port}/api/v1/events"
        with client.stream("GET", url, headers=key_of(tmp_path)) as stream:
            next(stream.iter_lines())
            process.send_signal(signal.SIGTERM)
            assert process.wait(4) == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"time", "level", "logger", "process", "pid", "message"} <= set(lines[0])
    assert not [line for line in lines if line["level"] in ("error", "critical")]
    assert key_of(tmp_path)["authorization"].removeprefix("Bearer ") not in log.read_text()


def test_it_is_reached_on_loopback_only_and_names_no_server(tmp_path: Path) -> None:
    port = free_port()
    with started(tmp_path, port):
        answer = httpx.get(f"http://127.0.0.1:{port}/healthz")
        listening = Path("/proc/net/tcp").read_text() if Path("/proc/net/tcp").exists() else ""
    assert "server" not in answer.headers
    assert f"00000000:{port:04X}" not in listening


def test_the_first_proxy_tells_who_asks_and_how(tmp_path: Path) -> None:
    port = free_port()
    with started(tmp_path, port):
        admin = json.loads((tmp_path / "secrets" / "admin.json").read_text())
        body = {"username": admin["username"], "password": admin["password"]}
        headers = {"x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https"}
        url = f"http://127.0.0.1:{port}/api/v1/auth/login"
        answer = httpx.post(url, json=body, headers=headers)
        assert "secure" in answer.headers["set-cookie"].lower()
        for _ in range(10):
            httpx.post(url, json={"username": "x", "password": "y"}, headers=headers)
        assert httpx.post(url, json=body, headers=headers).status_code == 429
        other = {**headers, "x-forwarded-for": "192.0.2.8"}
        assert httpx.post(url, json=body, headers=other).status_code == 200


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refusal(tmp_path, port)
    assert f"Port {port} on 127.0.0.1 is taken" in said
    assert "Traceback" not in said
    assert not (tmp_path / "vllm-manager.db").exists()


def test_a_damaged_database_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "vllm-manager.db").write_bytes(b"not a database" * 1000)
    said = refusal(tmp_path, free_port())
    assert "is damaged" in said
    assert "Traceback" not in said


def test_it_starts_without_an_engine_environment(tmp_path: Path) -> None:
    port = free_port()
    more = {
        "VLLM_MANAGER_DEMO": "true",
        "VLLM_MANAGER_ENGINE_PYTHON": str(tmp_path / "none/bin/python"),
    }
    with started(tmp_path, port, more=more):
        answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/deployments", headers=key_of(tmp_path))
    assert answer.json()["items"] == []
