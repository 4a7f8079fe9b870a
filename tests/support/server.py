"""A real control plane process against a real Ray, that tests kill and start as they like."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from support.api import Api
from support.ray_cluster import ENGINE_PYTHON, RayCluster, free_ports, wait_until

_START_SECONDS = 60.0
_QUICK: Mapping[str, str] = {
    "VLLM_MANAGER_FAKE_ENGINE": "1",
    "VLLM_MANAGER_WARM_SPARES": "0",  # spares are of vLLM; a fake engine starts at once
    "VLLM_MANAGER_DEMO": "0",
    "VLLM_MANAGER_DRAIN_SECONDS": "1",
    "VLLM_MANAGER_RETRY_BASE_SECONDS": "0.5",
}


class ControlPlane(Api):
    """One home, one port, one Ray; any number of lives."""

    def __init__(self, home: Path, ray: RayCluster, settings: Mapping[str, str]) -> None:
        port = free_ports(1)[0]
        super().__init__(f"http://127.0.0.1:{port}", home)
        self.ray = ray
        kept = {k: v for k, v in os.environ.items() if not k.startswith("VLLM_MANAGER_")}
        self._environment = {
            **kept,
            **_QUICK,
            "VLLM_MANAGER_HOME": str(home),
            "VLLM_MANAGER_CONTROL_PORT": str(port),
            "VLLM_MANAGER_RAY_DASHBOARD_PORT": str(urlsplit(ray.url).port),
            "VLLM_MANAGER_RAY_TOKEN_PATH": str(ray.token_path),
            "VLLM_MANAGER_ENGINE_PYTHON": str(ENGINE_PYTHON),
            **settings,
        }
        secrets = home / "secrets"
        secrets.mkdir(parents=True, mode=0o700)
        (secrets / "report_token").touch(mode=0o600)
        (secrets / "report_token").write_text(ray.report_token)
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
        self.log_in()

    def kill(self) -> None:
        """End it as the out-of-memory killer would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def end(self) -> None:
        """End the process, and what it left on the Ray."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.client.close()

    def _answers(self) -> bool:
        assert self.process is not None
        output = self.home / "server.out"
        assert self.process.poll() is None, output.read_text(errors="replace")[-4000:]
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def log_tails(self) -> str:
        log = (self.home / "server.out").read_text(errors="replace")[-4000:]
        serve = json.dumps(self.ray.applications(), indent=1)[-4000:]
        return "\n".join(["-- control plane", log, "-- serve", serve])


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
