"""Fetches an engine's own metrics on Prometheus' behalf, who need not know the engine's secret."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import httpx

from vllm_manager.deployments import Route, RouteEndpoint
from vllm_manager.kit.errors import Problem, not_found

MOST_BYTES: Final = 8 << 20
WITHIN_SECONDS: Final = 8.0
"""Below Prometheus' usual 10 s, so that it is told why."""
_AT_ONCE = 16
_SECRET_HEADER = "x-engine-secret"  # noqa: S105 - its name

Routes = Callable[[], Sequence[Route] | None]
"""Returns who answers for which deployment; None while too little is known."""


class Fetched(NamedTuple):
    """An engine's answer."""

    body: bytes
    media_type: str


class EngineMetrics:
    """Asks ready engines for `/metrics`, a few at a time, and bounds what they may answer."""

    def __init__(self, routes: Routes, within_seconds: float = WITHIN_SECONDS) -> None:
        self._routes = routes
        self._within_seconds = within_seconds
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._client = httpx.AsyncClient(
            trust_env=False,
            verify=False,  # engines speak HTTP; reading certificates takes 25 ms of each start
            limits=httpx.Limits(max_keepalive_connections=0),  # engines close idle ones sooner
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    def routes(self) -> Sequence[Route]:
        """Return the deployments with their ready replicas.

        Raises:
            Problem: `not_ready` (503) while too little is known, as after a start: Prometheus then
                keeps the list that it has.
        """
        known = self._routes()
        if known is None:
            raise Problem(
                "not_ready",
                "The control plane has just started and waits for the replicas' reports.",
                status=503,
                retryable=True,
                retry_after_seconds=2,
            )
        return known

    async def fetch(self, deployment: str, replica: str) -> Fetched:
        """Return what one engine says of itself, in its own words.

        Raises:
            Problem: `replica_not_found` (404); `metrics_unreachable` (502) where it does not answer
                in time, answers with an error or with too much.
        """
        endpoint = self._endpoint(deployment, replica)
        try:
            async with asyncio.timeout(self._within_seconds), self._turns:
                return await self._ask(endpoint)
        except TimeoutError as error:
            raise _unreachable(endpoint, f"no answer within {self._within_seconds:g} s") from error
        except httpx.HTTPError as error:
            raise _unreachable(endpoint, str(error) or type(error).__name__) from error

    def _endpoint(self, deployment: str, replica: str) -> RouteEndpoint:
        ready = [
            endpoint
            for route in self.routes()
            if route.deployment == deployment
            for endpoint in route.endpoints
        ]
        for endpoint in ready:
            if endpoint.replica_id == replica:
                return endpoint
        raise not_found("replica", f"{deployment}/{replica}", [e.replica_id for e in ready])

    async def _ask(self, endpoint: RouteEndpoint) -> Fetched:
        headers = {_SECRET_HEADER: endpoint.secret}
        url = f"{endpoint.url.rstrip('/')}/metrics"
        async with self._client.stream("GET", url, headers=headers, timeout=None) as answer:
            if answer.status_code != 200:
                raise _unreachable(endpoint, f"it answered {answer.status_code}")
            body = bytearray()
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    raise _unreachable(endpoint, f"its metrics are longer than {MOST_BYTES} bytes")
            return Fetched(bytes(body), answer.headers.get("content-type", "text/plain"))


def _unreachable(endpoint: RouteEndpoint, cause: str) -> Problem:
    return Problem(
        "metrics_unreachable",
        f"The metrics of replica {endpoint.replica_id} can't be read: {cause}. A replica that died "
        "is replaced; look at its log if this lasts.",
        status=502,
        retryable=True,
    )
