"""The engines as targets of Prometheus' HTTP service discovery, scraped through this server."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from pydantic import BaseModel

from vllm_manager.deployments import Route

PATH: Final = "/api/v1/prometheus"
_DEFAULT_PORTS = {"http": 80, "https": 443}


class TargetGroup(BaseModel):
    """One entry of the list that Prometheus asks for."""

    targets: list[str]
    labels: dict[str, str]


EXAMPLE: Final = [
    {
        "targets": ["models.example:8800"],
        "labels": {
            "__scheme__": "http",
            "__metrics_path__": f"{PATH}/engines/demo/x7k2/metrics",
            "instance": "demo/x7k2",
            "deployment": "demo",
            "replica": "x7k2",
        },
    }
]


def target_groups(routes: Iterable[Route], scheme: str, host: str) -> list[TargetGroup]:
    """Return one group per ready engine.

    `scheme` and `host` are those by which Prometheus asked: there it finds the engines as well,
    with the same token, and needs neither their addresses nor their secrets.
    """
    target = _with_port(scheme, host)
    return [
        TargetGroup(
            targets=[target],
            labels={
                "__scheme__": scheme,
                "__metrics_path__": metrics_path(route.deployment, endpoint.replica_id),
                "instance": f"{route.deployment}/{endpoint.replica_id}",
                "deployment": route.deployment,
                "replica": endpoint.replica_id,
            },
        )
        for route in routes
        for endpoint in route.endpoints
    ]


def metrics_path(deployment: str, replica: str) -> str:
    """Return where an engine's own metrics are found."""
    return f"{PATH}/engines/{quote(deployment, safe='')}/{quote(replica, safe='')}/metrics"


def _with_port(scheme: str, host: str) -> str:
    _, _, last = host.rpartition(":")
    return host if last.isdecimal() else f"{host}:{_DEFAULT_PORTS[scheme]}"
