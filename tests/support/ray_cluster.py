"""A real local Ray for tests: own ports, own token, own folder; stops only what it started."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

REPOSITORY = Path(__file__).resolve().parents[2]
ENGINE_PYTHON = REPOSITORY / ".venv-engine" / "bin" / "python"
SERVE_PATH = "/api/serve/applications/"

_MARK = "TEST_RAY_MARK"
_RAY_PORTS: tuple[str, ...] = (
    "port",
    "dashboard-port",
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    "runtime-env-agent-port",
    "ray-client-server-port",
    "metrics-export-port",
    "object-manager-port",
    "node-manager-port",
)


def free_ports(count: int) -> list[int]:
    """Return `count` different TCP ports that were free on loopback a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_until(condition: Callable[[], Any], timeout_seconds: float, what: str) -> Any:
    """Return the first true value of `condition`, looked at every 50 ms of real time."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout_seconds} s")
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class RayCluster:
    """A running Ray. `url` is its REST address, `token` what every call must carry."""

    url: str
    address: str
    """Where other nodes join it."""
    token: str
    token_path: Path
    report_token: str
    report_token_path: Path
    folder: Path
    mark: str
    head: subprocess.Popen[bytes]

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Call Ray's REST API; returns the parsed JSON, or None where the answer is empty."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def serve(self, applications: list[dict[str, Any]]) -> None:
        """Make `applications` the whole desired set of Serve."""
        body = {"proxy_location": "Disabled", "applications": applications}
        self.request("PUT", SERVE_PATH, body)

    def applications(self) -> dict[str, Any]:
        """Return what Serve says about each application, by name."""
        return self.request("GET", SERVE_PATH)["applications"]

    def processes(self) -> list[psutil.Process]:
        """Return every live process that descends from this cluster, adopted ones included."""
        return [p for p in psutil.process_iter() if _carries(p, self.mark)]

    def stop(self) -> None:
        """End this cluster's own processes, engines included, and remove its folder.

        By SIGKILL: `ray start --block` takes ten seconds over SIGTERM.
        """
        wait_until(self._kill_rest, 20, "the end of Ray's processes")
        self.head.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _kill_rest(self) -> bool:
        left = self.processes()
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        return not left


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(_MARK) == mark and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def start(*, cpus: int = 8, gpus: int = 0, environment: dict[str, str] | None = None) -> RayCluster:
    """Start a Ray head node and return once its REST API answers.

    `environment` is added to what every replica inherits. The folder lies directly under the
    system's temporary folder: Ray's Unix sockets must stay below 108 characters.
    """
    folder = Path(tempfile.mkdtemp(prefix="vmr-"))
    token, report_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    token_path, report_token_path = folder / "token", folder / "report-token"
    for path, text in ((token_path, token), (report_token_path, report_token)):
        path.touch(mode=0o600)
        path.write_text(text)
    ports = dict(zip(_RAY_PORTS, free_ports(len(_RAY_PORTS)), strict=True))
    mark = secrets.token_hex(8)
    with (folder / "ray.out").open("wb") as output:
        head = subprocess.Popen(
            _command(folder, ports, cpus, gpus),
            env=_environment(mark, token_path, report_token_path) | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{ports['dashboard-port']}"
    address = f"127.0.0.1:{ports['port']}"
    cluster = RayCluster(
        url, address, token, token_path, report_token, report_token_path, folder, mark, head
    )
    try:
        wait_until(lambda: _answers(cluster), 60, "Ray's REST API")
    except BaseException as error:
        error.add_note((folder / "ray.out").read_text(errors="replace")[-4000:])
        cluster.stop()
        raise
    return cluster


def hostnames_can_be_given() -> bool:
    """Say whether a process can be given a name of the machine that is its own."""
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "--uts", "true"]).returncode == 0


@contextlib.contextmanager
def joined(cluster: RayCluster, hostname: str, *, cpus: int) -> Generator[psutil.Process]:
    """Yield the process of a second node of a cluster, which takes this machine for another one.

    It has a hostname of its own, and all else in common with the head. Needs root.
    """
    ray = [str(ENGINE_PYTHON), "-m", "ray.scripts.scripts", "start", "--block"]
    options = [
        *(f"--address={cluster.address}", "--node-ip-address=127.0.0.1", f"--num-cpus={cpus}"),
        *("--object-store-memory=80000000", "--disable-usage-stats"),
    ]
    renamed = ["unshare", "--uts", "sh", "-c", f'hostname {hostname}; exec "$@"', "sh"]
    with (cluster.folder / f"{hostname}.out").open("wb") as output:
        node = subprocess.Popen(
            [*renamed, *ray, *options],
            env=_environment(cluster.mark, cluster.token_path, cluster.report_token_path),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield psutil.Process(node.pid)
    finally:
        end_node(node.pid)
        node.wait(10)


def end_node(pid: int) -> None:
    """Kill a node with all that it started, at once, as when its machine is switched off."""
    with contextlib.suppress(psutil.NoSuchProcess):
        node = psutil.Process(pid)
        for process in [node, *node.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def _command(folder: Path, ports: dict[str, int], cpus: int, gpus: int) -> list[str]:
    ray = [str(ENGINE_PYTHON), "-m", "ray.scripts.scripts", "start", "--head", "--block"]
    fixed = {
        "node-ip-address": "127.0.0.1",
        "dashboard-host": "127.0.0.1",
        "num-cpus": cpus,
        "num-gpus": gpus,
        "object-store-memory": 80_000_000,
        "temp-dir": folder / "ray",
        "include-log-monitor": "false",
    }
    options = [f"--{name}={value}" for name, value in {**fixed, **ports}.items()]
    return [*ray, *options, "--disable-usage-stats"]


def _environment(mark: str, token_path: Path, report_token_path: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "VLLM_"))}
    return kept | {
        _MARK: mark,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token_path),
        "RAY_DISABLE_IMPORT_WARNING": "1",
        "RAY_preload_python_modules": "ray.serve._private.replica,vllm_manager_engine.serve_app",
        "VLLM_MANAGER_REPORT_TOKEN_PATH": str(report_token_path),
    }


def _answers(cluster: RayCluster) -> bool:
    if cluster.head.poll() is not None:
        raise RuntimeError(f"Ray ended with code {cluster.head.returncode}")
    try:
        cluster.request("GET", SERVE_PATH)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
    return True
