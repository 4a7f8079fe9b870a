"""The whole product started by `vllm-manager up`, in a home and on ports of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.ray_cluster import ENGINE_PYTHON, free_ports, wait_until
from vllm_manager.cli.runner import RunFiles, ServiceRecord
from vllm_manager.cli.runner.processes import Member

NO_RAY = "http://127.0.0.1:9"  # the discard port: nothing answers there


@dataclass
class Product:
    """Drives the command line as a person does."""

    home: Path
    environment: dict[str, str]
    port: int
    control_port: int
    ray_port: int
    files: RunFiles = field(init=False)

    def __post_init__(self) -> None:
        self.files = RunFiles(self.home / "run")

    def cli(
        self, *words: str, timeout_seconds: float = 240, typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run one verb to its end, with `typed` on its standard input."""
        return subprocess.run(
            [sys.executable, "-m", "vllm_manager.cli", *words],
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )

    def json(self, *words: str) -> Any:
        """Run a verb with `--json` and return what it prints."""
        done = self.cli(*words, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def up(self, *words: str) -> str:
        """Start everything; return what was printed."""
        done = self.cli("up", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def record(self, service: str) -> ServiceRecord:
        found = self.files.service(service)
        assert found is not None, f"no run file of {service}"
        return found

    def member(self, service: str, role: str | None = None) -> Member:
        """Return a process of a service: the leading one, or the one of a role."""
        members = self.record(service).members
        return next(m for m in members if role in (None, m.role))

    def wait_until_runs_anew(self, service: str, old: Member, within_seconds: float = 120) -> None:
        """Wait until another process stands in the place of `old`, and it answers."""

        def anew() -> bool:
            record = self.files.service(service)
            if record is None or record.state != "running":
                return False
            same_role = [m for m in record.members if m.role == old.role and m.is_alive()]
            return bool(same_role) and old not in same_role

        wait_until(anew, within_seconds, f"{service} ({old.role}) runs anew")


@contextmanager
def product(home: Path, **settings: str) -> Generator[Product]:
    """Yield a product that is not started yet; stop all of it afterwards."""
    port, control_port, ray_port = free_ports(3)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("VLLM_MANAGER_")}
    environment = {
        **kept,
        "VLLM_MANAGER_HOME": str(home),
        "VLLM_MANAGER_PORT": str(port),
        "VLLM_MANAGER_CONTROL_PORT": str(control_port),
        "VLLM_MANAGER_RAY_DASHBOARD_PORT": str(ray_port),
        "VLLM_MANAGER_ENGINE_PYTHON": str(ENGINE_PYTHON),
        **settings,
    }
    made = Product(home, environment, port, control_port, ray_port)
    try:
        yield made
    finally:
        done = made.cli("down")
        assert done.returncode == 0, done.stderr
