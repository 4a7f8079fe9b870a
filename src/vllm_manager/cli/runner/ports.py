"""Ports: free ones for inside use, and a clear word where a public one is taken."""

import socket
from collections.abc import Iterable

import psutil

from vllm_manager.cli.runner.records import CONTROL_PLANE, GATEWAY, RAY, RunFiles
from vllm_manager.kit.errors import Problem, Remedy
from vllm_manager.settings import Settings


def free_ports(count: int) -> list[int]:
    """Return `count` different ports on which nothing listens, on any address."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether a server could listen on `port` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str | None:
    """Return which process listens on `port`, as far as this user may see."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return None
    for one in connections:
        if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid:
            try:
                process = psutil.Process(one.pid)
                command = " ".join(process.cmdline())[:80] or process.name()
                return f"process {one.pid} ({command})"
            except psutil.Error:
                return f"process {one.pid}"
    return None


def taken(service: str, variable: str, port: int) -> Problem:
    """Return the problem for a port of ours on which somebody else listens."""
    who = holder(port) or "another process, of another user"
    other = next(p for p in range(port + 10, 65000, 10) if is_free(p))
    return Problem(
        "port_taken",
        f"Port {port}, wanted for the {service}, is taken by {who}. "
        f"Stop that process, or choose another port: {variable}={other} vllm-manager up",
        status=409,
        remediation=[Remedy(label=f"Set {variable}={other} and start again.")],
    )


def _needs(settings: Settings) -> Iterable[tuple[str, str, int, str]]:
    yield GATEWAY, "VLLM_MANAGER_PORT", settings.port, settings.host
    yield CONTROL_PLANE, "VLLM_MANAGER_CONTROL_PORT", settings.control_port, "127.0.0.1"
    if settings.ray_address is None:
        yield RAY, "VLLM_MANAGER_RAY_DASHBOARD_PORT", settings.ray_dashboard_port, "127.0.0.1"


def check_ports(settings: Settings, files: RunFiles) -> None:
    """See that the ports of what is to be started are free.

    Raises:
        Problem: one is taken; the detail names the process and the variable to set.
    """
    for service, variable, port, host in _needs(settings):
        record = files.service(service)
        if record and any(m.is_alive() for m in record.members):
            continue
        if not is_free(port, host):
            raise taken(service.replace("-", " "), variable, port)
