"""Runs scenarios, one engine each, and keeps what was seen."""

import json
import os
import shutil
import subprocess
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from diagnosis_tools import models
from diagnosis_tools.scenarios import Scenario
from support import control_groups
from support.hub.faults import Fault
from support.hub.process import HubProcess, hub_process

HERE = Path(__file__).resolve().parent
ENGINE_PYTHON = models.REPOSITORY / ".venv-engine" / "bin" / "python"
_LIMIT_SECONDS = 240
_UNPRIVILEGED = "--bounding-set=-dac_override,-dac_read_search"


@contextmanager
def hub() -> Generator[HubProcess]:
    """Serve the demo model as acme/demo, and a gated one."""
    with hub_process(f"--folder=acme/demo={models.DEMO}") as running:
        yield running


def lacking(scenario: Scenario) -> str | None:
    """Return what a scenario needs that is not here; None where it can run."""
    if "memory_bytes" in scenario.job and not control_groups.can_be_made():
        return "a place where control groups can be made (root)"
    if scenario.within and not _does("unshare", "-m", "true"):
        return "mounts of its own (root, unshare)"
    if "without" in scenario.job and not _does("setpriv", _UNPRIVILEGED, "true"):
        return "fewer rights than root's (root, setpriv)"
    return None


def _does(*words: str) -> bool:
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def run(scenario: Scenario, folder: Path, hub: HubProcess) -> dict[str, Any]:
    """Produce one failure; return what `one.py` prints."""
    folder.mkdir()
    folder.chmod(0o755)
    job = _job(scenario, folder, hub)
    words = [str(ENGINE_PYTHON), str(HERE / "one.py"), json.dumps(job)]
    if "without" in scenario.job:  # even root may then read only what its modes allow
        words = ["setpriv", _UNPRIVILEGED, *words]
    if scenario.within:
        told = " && ".join(each.replace("{f}", str(folder)) for each in scenario.within)
        words = ["unshare", "-m", "sh", "-c", f'{told}; exec "$@"', "sh", *words]
    with _faulty(hub, scenario.job.get("fault")), ExitStack() as after:
        after.callback(shutil.rmtree, folder, ignore_errors=True)
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            timeout=_LIMIT_SECONDS,
            check=False,
            env={**os.environ, "HOME": str(folder)},
        )
    if not done.stdout.strip():
        return {"failure": None, "lines": done.stderr.splitlines()[-50:], "broken": True}
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def _faulty(hub: HubProcess, fault: Mapping[str, Any] | None) -> Generator[None]:
    if fault is not None:
        hub.add(Fault(**fault))
    try:
        yield
    finally:
        if fault is not None:
            hub.clear()


def _job(scenario: Scenario, folder: Path, hub: HubProcess) -> dict[str, Any]:
    model = scenario.model or str(models.DEMO)
    if scenario.breaks:
        model = str(models.copy(folder / "model", *scenario.breaks))
    arguments = scenario.arguments
    words = arguments(folder) if callable(arguments) else list(arguments)
    environment = scenario.environment
    told = environment(folder) if callable(environment) else dict(environment)
    if scenario.model is not None:
        told = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "hub")} | told
    return {
        "spec": {
            "deployment": "broken", "uid": "dep_1", "generation": 1, "model": model,
            "engine": "vllm", "arguments": words, "environment": told,
            "tensor_parallel_size": scenario.parallel, "start_deadline_seconds": 200,
            "idle_deadline_seconds": 100, "drain_seconds": 0, **scenario.spec,
        },
        "limits": dict(scenario.limits),
        **{k: v for k, v in scenario.job.items() if k not in ("fault", "without")},
    }  # fmt: skip
