"""A real Prometheus for tests: its own port and storage, the configuration that we ship."""

import os
import re
import shutil
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from support.ray_cluster import REPOSITORY, free_ports, wait_until

SHIPPED = REPOSITORY / "monitoring" / "prometheus"
_TOOLS = REPOSITORY / ".tools" / "prometheus" / "usr" / "bin"
_DOCUMENTED_ADDRESS = "127.0.0.1:8800"


def program(name: str) -> str:
    """Return where `prometheus` or `promtool` is; set-up unpacks them into `.tools`."""
    found = shutil.which(name, path=os.pathsep.join([str(_TOOLS), os.environ["PATH"]]))
    if found is None:
        raise FileNotFoundError(f"{name} is not here: python3 scripts/setup.py test")
    return found


def promtool(*words: object, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run `promtool` to its end, with `given` on its standard input."""
    return subprocess.run(
        [program("promtool"), *map(str, words)],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def configuration(folder: Path, address: str, key: str, *, seconds: float | None = None) -> Path:
    """Lay out the shipped configuration as its documentation says, for a product at `address`.

    `seconds`: every interval is this long, instead of the shipped ones.
    """
    shutil.copytree(SHIPPED, folder)
    file = folder / "prometheus.yml"
    text = file.read_text()
    assert text.count(_DOCUMENTED_ADDRESS) == 3  # two in the jobs, one in the comment
    text = text.replace(_DOCUMENTED_ADDRESS, address)
    if seconds is not None:
        text = re.sub(r": \d+s\b", f": {seconds * 1000:.0f}ms", text)
    file.write_text(text)
    (folder / "vllm-manager.key").write_text(key + "\n")
    return file


class Prometheus:
    """A Prometheus that runs."""

    def __init__(self, url: str, process: "subprocess.Popen[bytes]") -> None:
        self.url = url
        self.process = process
        self.client = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def ask(self, path: str, **parameters: str) -> Any:
        """Call its API; return the `data` of its answer."""
        answer = self.client.get(f"/api/v1/{path}", params=parameters).json()
        assert answer["status"] == "success", (parameters, answer)
        return answer["data"]

    def query(self, expression: str) -> Sequence[Mapping[str, Any]]:
        """Return what an expression is now: `metric` and `value` of each series."""
        data = self.ask("query", query=expression)
        if data["resultType"] == "scalar":
            return [{"metric": {}, "value": data["result"]}]
        return data["result"]

    def targets(self) -> Sequence[Mapping[str, Any]]:
        """Return what it scrapes."""
        return self.ask("targets", state="active")["activeTargets"]

    def wait_for(self, expression: str, within_seconds: float = 30) -> Sequence[Mapping[str, Any]]:
        """Return what an expression gives, once it gives something."""
        return wait_until(lambda: self.query(expression), within_seconds, expression)

    def wait_for_targets(
        self, count: int, within_seconds: float = 60
    ) -> Sequence[Mapping[str, Any]]:
        """Return the targets once there are so many, and every one is up."""

        def all_up() -> Sequence[Mapping[str, Any]]:
            found = self.targets()
            return found if [one["health"] for one in found] == ["up"] * count else []

        try:
            return wait_until(all_up, within_seconds, f"{count} targets that are up")
        except TimeoutError as error:
            error.add_note(str(self.targets()))
            raise

    def wait_until_ready(self) -> None:
        """Return once it answers."""
        wait_until(self._is_ready, 30, "Prometheus' readiness")

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, "Prometheus has ended: see its log"
        try:
            return self.client.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def prometheus(file: Path) -> Generator[Prometheus]:
    """Start Prometheus with the configuration in `file`; its storage and log lie beside it."""
    (port,) = free_ports(1)
    command = [
        program("prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={file.parent / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    log = file.parent / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    made = Prometheus(f"http://127.0.0.1:{port}", process)
    try:
        yield made
    except Exception as error:
        error.add_note(log.read_text(errors="replace")[-4000:])
        raise
    finally:
        made.client.close()
        process.terminate()
        process.wait(30)
