"""Starting the steward, and stopping everything in order."""

import signal
import sys
import time
from collections.abc import Callable

from vllm_manager.cli.runner import processes
from vllm_manager.cli.runner.daemon import control_plane, environment_of, gateway, spawn
from vllm_manager.cli.runner.processes import Member
from vllm_manager.cli.runner.ray import LocalRay
from vllm_manager.cli.runner.records import RunFiles, ServiceRecord
from vllm_manager.cli.runner.service import Service
from vllm_manager.settings import Settings

# Tells a control plane that a steward started it, and that it should watch that steward.
STEWARD_MARK = "VLLM_MANAGER_STEWARD"

# Not a verb of the command line: the steward needs a third less memory without that.
_STEWARD = [sys.executable, "-m", "vllm_manager.cli.runner"]

_SECONDS = {"gateway": 5.0, "control-plane": 10.0, "ray": 15.0}

Report = Callable[[str, float], None]


def _silence(_name: str, _seconds: float) -> None:
    """Report nothing."""


def ensure_steward(settings: Settings) -> None:
    """Start a steward in the background, unless one lives. A second one would leave at once."""
    if RunFiles(settings.run_dir).steward() is None:
        environment = {**environment_of(settings), STEWARD_MARK: "1"}
        spawn(_STEWARD, settings.logs_dir / "steward.log", environment, settings.home)


def stop_services(settings: Settings, files: RunFiles, report: Report = _silence) -> list[str]:
    """Stop gateway, control plane and Ray in this order, each within a bound; name those stopped.

    The gateway is first: what it has begun can still be finished by the engines.
    """
    environment = environment_of(settings)
    order: list[Service] = [
        gateway(settings, environment),
        control_plane(settings, environment),
        LocalRay(settings, environment),
    ]
    stopped: list[str] = []
    for service in order:
        record = files.service(service.name)
        if record is None:
            continue
        start = time.monotonic()
        if _stop(service, record, settings):
            report(service.name, time.monotonic() - start)
            stopped.append(service.name)
        files.remove(service.name)
    return stopped


def _stop(service: Service, record: ServiceRecord, settings: Settings) -> bool:
    was_alive = any(member.is_alive() for member in record.members)
    draining = settings.drain_seconds if service.name == "gateway" else 0.0
    service.stop(record, _SECONDS[service.name] + draining)
    return was_alive


def _end_steward(steward: Member) -> None:
    processes.send(steward, signal.SIGTERM)
    if not processes.wait_until(lambda: not steward.is_alive(), 20):
        processes.kill([steward])


def down(settings: Settings, report: Report = _silence) -> list[str]:
    """Stop everything that `up` started; return the names of what ran."""
    files = RunFiles(settings.run_dir)
    files.unwant()
    if steward := files.steward():
        _end_steward(steward)
    stopped = stop_services(settings, files, report)
    files.remove("steward")
    return stopped
