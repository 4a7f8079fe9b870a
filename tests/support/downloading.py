"""A control plane process without a Ray, with a hub of its own, that tests kill and start."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from support.api import Api, Json
from support.pace import slowness
from support.ray_cluster import free_ports, wait_until

MIB = 1 << 20


class DownloadingPlane(Api):
    """One home, one port, one hub; any number of lives."""

    def __init__(self, home: Path, hub_url: str, settings: dict[str, str]) -> None:
        port, ray_port = free_ports(2)
        super().__init__(f"http://127.0.0.1:{port}", home)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("VLLM_MANAGER_", "HF_"))}
        self._environment = {
            **kept,
            "VLLM_MANAGER_HOME": str(home),
            "VLLM_MANAGER_CONTROL_PORT": str(port),
            "VLLM_MANAGER_RAY_ADDRESS": f"http://127.0.0.1:{ray_port}",
            "VLLM_MANAGER_DEMO": "0",
            "VLLM_MANAGER_HUB_ENDPOINT": hub_url,
            **{f"VLLM_MANAGER_{name.upper()}": value for name, value in settings.items()},
        }
        self.store = home / "models"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return once it answers."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "server.out").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vllm_manager.cli", "server"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._answers, 60, "the control plane's answer")
        self.log_in()

    def kill(self) -> None:
        """End it as the out-of-memory killer would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.client.close()

    def fetcher(self) -> psutil.Process:
        """Return the fetching process."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children()
        (found,) = [c for c in children if "vllm_manager.downloads.worker" in c.cmdline()]
        return found

    def pull(self, repo: str, **more: object) -> str:
        """Ask for a model; return the download's id."""
        status, answer = self.call("POST", "/downloads", {"repo": repo, **more})
        assert status == 202, answer
        return str(answer["id"])

    def act(self, download_id: str, verb: str) -> None:
        status, answer = self.call("POST", f"/downloads/{download_id}/{verb}")
        assert status == 202, answer

    def look(self, download_id: str) -> Json:
        return self.ask(f"/downloads/{download_id}")

    def wait_for_download(
        self, download_id: str, wanted: str | Callable[[Json], bool], within_seconds: float = 90
    ) -> Json:
        """Return a download once it is as wanted."""
        seen: list[Json] = []

        def as_wanted() -> bool:
            seen[:] = [self.look(download_id)]
            return wanted(seen[0]) if callable(wanted) else seen[0]["state"] == wanted

        try:
            wait_until(as_wanted, within_seconds * slowness(), f"{download_id}: {wanted}")
        except TimeoutError as error:
            error.add_note(f"{seen}\n{self.log_tails()}")
            raise
        return seen[0]

    def failure(self, download_id: str, within_seconds: float = 120) -> Json:
        """Return the problem of a download that fails."""
        return self.wait_for_download(download_id, "failed", within_seconds)["error"]

    def folder(self, repo: str) -> Path:
        return self.store / f"models--{repo.replace('/', '--')}"

    def partial(self, repo: str) -> Sequence[Path]:
        """Return what of a repository is on disk in parts."""
        found = sorted(self.folder(repo).glob("blobs/*"))
        return [path for path in found if path.suffix in (".part", ".journal")]

    def log_tails(self) -> str:
        return (self.home / "server.out").read_text(errors="replace")[-4000:]

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log_tails()
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def downloading_plane(home: Path, hub_url: str, **settings: str) -> Generator[DownloadingPlane]:
    """Yield a control plane that answers and whose models come from a hub."""
    plane = DownloadingPlane(home, hub_url, settings)
    try:
        plane.start()
        yield plane
    finally:
        plane.end()
