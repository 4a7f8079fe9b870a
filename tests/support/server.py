"""A real control plane process against a real Ray, that tests kill and start as they like."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil

from support.ray_cluster import ENGINE_PYTHON, RayCluster, free_ports, wait_until

_START_SECONDS = 30.0
_QUICK: Mapping[str, str] = {
    "VLLM_MANAGER_FAKE_ENGINE": "1",
    "VLLM_MANAGER_DEMO": "0",
    "VLLM_MANAGER_DRAIN_SECONDS": "1",
    "VLLM_MANAGER_RETRY_BASE_SECONDS": "0.5",
}

Json = dict[str, Any]


class ControlPlane:
    """One home, one port, one Ray; any number of lives."""

    def __init__(self, home: Path, ray: RayCluster, settings: Mapping[str, str]) -> None:
        self.home = home
        self.ray = ray
        self._port = free_ports(1)[0]
        kept = {k: v for k, v in os.environ.items() if not k.startswith("VLLM_MANAGER_")}
        self._environment = {
            **kept,
            **_QUICK,
            "VLLM_MANAGER_HOME": str(home),
            "VLLM_MANAGER_CONTROL_PORT": str(self._port),
            "VLLM_MANAGER_RAY_DASHBOARD_PORT": str(urlsplit(ray.url).port),
            "VLLM_MANAGER_RAY_TOKEN_PATH": str(ray.token_path),
            "VLLM_MANAGER_ENGINE_PYTHON": str(ENGINE_PYTHON),
            **settings,
        }
        secrets = home / "secrets"
        secrets.mkdir(parents=True, mode=0o700)
        (secrets / "report_token").touch(mode=0o600)
        (secrets / "report_token").write_text(ray.report_token)
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{self._port}", timeout=60, trust_env=False
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return once it answers."""
        with (self.home / "server.out").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vllm_manager.cli", "server"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._answers, _START_SECONDS, "the control plane's answer")
        admin = json.loads((self.home / "secrets" / "admin.json").read_text())
        self._client.headers["authorization"] = f"Bearer {admin['api_key']}"

    def kill(self) -> None:
        """End it as the out-of-memory killer would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def call(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Json]:
        """Call the API with the administrator's key; return the status and the JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self._client.request(method, f"/api/v1{path}", json=body, headers=sent)
        return answer.status_code, answer.json()

    def ask(self, path: str) -> Json:
        status, answer = self.call("GET", path)
        assert status == 200, answer
        return answer

    def deploy(self, name: str, **fields: Any) -> Json:
        """Create a deployment of the fake engine; `fake` tells it how to behave."""
        fake = {f"FAKE_{k.upper()}": str(v) for k, v in fields.pop("fake", {}).items()}
        spec: Json = {"name": name, "model": "demo", "engine": "fake", "environment": fake}
        spec["resources"] = {"cpus": 0.5}
        status, answer = self.call("POST", "/deployments", {**spec, **fields})
        assert status == 202, answer
        return answer

    def replicas(self, name: str) -> Sequence[Json]:
        return self.ask(f"/deployments/{name}/replicas")["items"]

    def replica(self, name: str) -> Json:
        """Return the only replica that reports an engine, once there is one."""

        def found() -> Sequence[Json]:
            return [r for r in self.replicas(name) if r["engine_pid"]]

        (replica,) = wait_until(found, 30, f"{name}: an engine's pid")
        return replica

    def wait_for(
        self, name: str, phase: str | Callable[[Json], bool], within_seconds: float = 60
    ) -> Json:
        """Return a deployment once it is in a phase, or as wanted; tell all there is if not."""
        seen: list[Json] = []

        def as_wanted() -> bool:
            seen[:] = [self.ask(f"/deployments/{name}")]
            return phase(seen[0]) if callable(phase) else seen[0]["phase"] == phase

        try:
            wait_until(as_wanted, within_seconds, f"{name}: {phase}")
        except TimeoutError as error:
            error.add_note(json.dumps(seen, indent=1))
            error.add_note(self._log_tails(name))
            raise
        return seen[0]

    def wait_until_gone(self, name: str, within_seconds: float = 60) -> None:
        """Return once nobody knows the deployment any more."""

        def is_gone() -> bool:
            return self.call("GET", f"/deployments/{name}")[0] == 404

        try:
            wait_until(is_gone, within_seconds, f"{name}: gone")
        except TimeoutError as error:
            error.add_note(self._log_tails(name))
            raise

    def end(self) -> None:
        """End the process, and what it left on the Ray."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self._client.close()

    def _answers(self) -> bool:
        assert self.process is not None
        output = self.home / "server.out"
        assert self.process.poll() is None, output.read_text(errors="replace")[-4000:]
        try:
            return self._client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def _log_tails(self, name: str) -> str:
        log = (self.home / "server.out").read_text(errors="replace")[-4000:]
        status, engine = self.call("GET", f"/deployments/{name}/logs?limit=30")
        lines = [line["text"] for line in engine["items"]] if status == 200 else [str(engine)]
        serve = json.dumps(self.ray.applications(), indent=1)[-4000:]
        return "\n".join(["-- control plane", log, "-- engine", *lines, "-- serve", serve])


@contextmanager
def control_plane(home: Path, ray: RayCluster, **settings: str) -> Generator[ControlPlane]:
    """Yield a control plane that answers; afterwards nothing of it is left on the Ray."""
    given = {f"VLLM_MANAGER_{name.upper()}": value for name, value in settings.items()}
    plane = ControlPlane(home, ray, given)
    try:
        plane.start()
        yield plane
    finally:
        plane.end()


def empty(ray: RayCluster) -> None:
    """Remove every application and wait until their replicas are gone."""
    ray.serve([])
    wait_until(lambda: not ray.applications(), 60, "the end of every application")


def is_alive(pid: int) -> bool:
    """Whether a process runs (one that waits to be collected does not)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def family(pid: int) -> set[int]:
    """Return a process and all that descend from it."""
    process = psutil.Process(pid)
    return {pid, *(child.pid for child in process.children(recursive=True))}
