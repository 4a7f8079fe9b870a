"""Checks of what runs: ports, Ray, control plane, gateway, the demo deployment."""

import ssl
from collections.abc import Iterator

import httpx

from vllm_manager.cli.client import administrator, connect
from vllm_manager.cli.doctor.finding import Finding, apart, bad, good
from vllm_manager.cli.follow import look
from vllm_manager.cli.runner import RunFiles, check_ports
from vllm_manager.cli.runner.records import ServiceRecord
from vllm_manager.cli.tls import local_url, trust_in
from vllm_manager.kit.errors import Problem
from vllm_manager.settings import Settings

_UP = "Run: vllm-manager up"


def check(settings: Settings) -> Iterator[Finding]:
    files = RunFiles(settings.run_dir)
    if files.wanted() is None:
        yield ports(settings, files)
        yield apart("Services", "not running; start them with: vllm-manager up")
        return
    yield steward(files)
    yield ray(settings, files)
    control, gateway = files.service("control-plane"), files.service("gateway")
    yield service("Control plane", f"{settings.control_url}/readyz", control)
    address = local_url(settings)
    yield service("Gateway", f"{address}/healthz", gateway, trust_in(address, settings))
    yield demo(settings)


def ports(settings: Settings, files: RunFiles) -> Finding:
    try:
        check_ports(settings, files)
    except Problem as problem:
        remedy = problem.details.remediation[0].label
        return bad("Ports", problem.details.detail, remedy)
    used = [settings.port, settings.control_port]
    used += [] if settings.ray_address else [settings.ray_dashboard_port]
    return good("Ports", f"{', '.join(map(str, used))} are free")


def steward(files: RunFiles) -> Finding:
    found = files.steward()
    if found is None:
        return bad("Steward", "not running: nothing is started again when it ends", _UP)
    return good("Steward", f"pid {found.pid}")


def _status_code(
    url: str, token: str | None = None, trust: ssl.SSLContext | bool = True
) -> int | str:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        return httpx.get(url, headers=headers, timeout=5, trust_env=False, verify=trust).status_code
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__


def _why(record: ServiceRecord | None) -> str:
    if record is None or not record.reason:
        return ""
    return f"; it last {record.reason}. " + " | ".join(record.log_tail[-2:])


def service(
    name: str, url: str, record: ServiceRecord | None, trust: ssl.SSLContext | bool = True
) -> Finding:
    """Ask a service how it is; a record tells where its log is."""
    found = _status_code(url, trust=trust)
    if found == 200:
        return good(name, url.rsplit("/", 1)[0])
    remedy = f"Read {record.log}" if record and record.log else _UP
    return bad(name, f"{url} answers {found}{_why(record)}", remedy)


def ray(settings: Settings, files: RunFiles) -> Finding:
    try:
        token = settings.ray_token_file.read_text().strip()
    except OSError as error:
        return bad("Ray", f"its token can't be read: {error}", _UP)
    found = _status_code(f"{settings.ray_url}/api/serve/applications/", token)
    if found == 200:
        return good("Ray", settings.ray_url)
    record = None if settings.ray_address else files.service("ray")
    remedy = f"Read {record.log}" if record and record.log else "Check VLLM_MANAGER_RAY_ADDRESS."
    if found == 401:
        remedy = f"The token in {settings.ray_token_file} is not this cluster's."
    return bad("Ray", f"{settings.ray_url} answers {found}{_why(record)}", remedy)


def demo(settings: Settings) -> Finding:
    name = "Demo deployment"
    if administrator(settings) is None:
        return apart(name, f"no administrator's key here to ask {local_url(settings)} with")
    try:
        with connect(None, None) as client:
            found = look(client, "demo")
    except Problem as problem:
        return bad(name, problem.details.detail, _UP)
    if found is None:
        return apart(name, "there is none")
    detail = f"{found['phase']}: {found['reason']}" if found.get("reason") else found["phase"]
    if found["phase"] == "failed":
        return bad(name, detail, "Read: vllm-manager logs demo")
    return good(name, detail) if found["phase"] == "ready" else apart(name, detail)
