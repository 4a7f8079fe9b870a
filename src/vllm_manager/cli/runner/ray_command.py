"""Ray's command line and environment, and how its processes are told from everybody else's."""

import os
from collections.abc import Iterable, Mapping

import psutil

from vllm_manager.cli.runner.ports import free_ports
from vllm_manager.cli.runner.processes import Member, member
from vllm_manager.settings import Settings

# Short, since Ray keeps Unix sockets below it and their paths may have 107 characters.
FOLDER_PREFIX = "vmray-"
MARK = "VMRAY_FOLDER"

# CPUs are Ray's book-keeping of what replicas ask for, not a limit: an engine idles most of the
# time, so a machine takes more of them than it has cores.
_CPUS_PER_CORE = 4
_OBJECT_STORE_BYTES = 80 * 1024 * 1024  # the smallest that Ray takes; replicas don't use it

# A replica's process imports these while Serve is still building the application.
_PRELOADED = "ray.serve._private.replica,vllm_manager_engine.serve_app"

_INSIDE_PORTS = (
    "--port",
    "--node-manager-port",
    "--object-manager-port",
    "--ray-client-server-port",
    "--metrics-export-port",
    "--runtime-env-agent-port",
    "--dashboard-agent-listen-port",
    "--dashboard-agent-grpc-port",
)
_ROLES = {
    "gcs_server": "ray/gcs/gcs_server",
    "raylet": "ray/raylet/raylet",
    "dashboard": "dashboard/dashboard.py",
    "monitor": "autoscaler/_private/monitor.py",
    "log-monitor": "_private/log_monitor.py",
}
_SIDES = ("dashboard", "monitor", "log-monitor")


def cpus() -> int:
    return max(8, (os.cpu_count() or 1) * _CPUS_PER_CORE)


def start(settings: Settings, folder: str) -> list[str]:
    """Return the command that starts a head node, on inside ports that are free now."""
    ports = free_ports(len(_INSIDE_PORTS))
    pairs = zip(_INSIDE_PORTS, ports, strict=True)
    inside = [word for flag, port in pairs for word in (flag, str(port))]
    return [
        str(settings.engine_python.with_name("ray")),
        *("start", "--head", "--node-ip-address", "127.0.0.1"),
        *("--dashboard-host", "127.0.0.1", "--dashboard-port", str(settings.ray_dashboard_port)),
        *inside,
        *("--min-worker-port", "0", "--max-worker-port", "0"),
        *("--num-cpus", str(cpus()), "--object-store-memory", str(_OBJECT_STORE_BYTES)),
        *("--temp-dir", f"{folder}/r", "--include-dashboard", "true"),
        "--disable-usage-stats",
    ]


def environment(settings: Settings, outer: Mapping[str, str]) -> dict[str, str]:
    """Return Ray's environment: the outer one without our settings, with the two token files.

    vLLM warns about names that it does not know below `VLLM_`, and settings hold secrets.
    """
    kept = {
        name: value
        for name, value in outer.items()
        if not name.startswith(("VLLM_MANAGER_", "PYTHON", "RAY_ADDRESS")) and name != "VIRTUAL_ENV"
    }
    programs = settings.engine_python.parent
    return {
        **kept,
        "PATH": f"{programs}{os.pathsep}{outer.get('PATH', os.defpath)}",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(settings.ray_token_file.absolute()),
        "RAY_OBJECT_STORE_ALLOW_SLOW_STORAGE": "1",  # small /dev/shm in containers
        "RAY_prestart_worker_first_driver": "0",  # no idle Python per CPU of the book-keeping
        "RAY_preload_python_modules": _PRELOADED,
        # No request passes through Serve, so none is to be counted ten times a second.
        "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "0",
        "VLLM_MANAGER_REPORT_TOKEN_PATH": str((settings.secrets_dir / "report_token").absolute()),
    }


def _role(command: list[str]) -> str:
    text = " ".join(command[:3])
    return next((role for role, part in _ROLES.items() if part in text), "part")


def members_in(folder: str) -> set[Member]:
    """Return the processes that were started with our folder's random name in their environment.

    Ray's agents and workers overwrite theirs with a title; those are found below the raylet.
    """
    found: set[Member] = set()
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) != folder:
                continue
            one = member(process.pid, _role(process.cmdline()))
        except psutil.Error:
            continue
        found |= {one} if one else set()
    return found


def side_commands(members: Iterable[Member]) -> dict[str, list[str]]:
    """Return the command lines of Ray's side processes, which can be started again alone."""
    found: dict[str, list[str]] = {}
    for one in members:
        if one.role in _SIDES:
            try:
                found[one.role] = psutil.Process(one.pid).cmdline()
            except psutil.Error:
                continue
    return found
