"""A client of Ray's public REST API; the only place that knows its paths."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import httpx

_SERVE = "/api/serve/applications/"


class RayUnavailableError(Exception):
    """Ray did not answer, or answered with an error; the text says which, for people."""


class RayRest:
    """Calls one Ray head.

    `token_file` is read on each call, so that a cluster that was set up anew is met with its token.
    """

    def __init__(self, url: str, token_file: Path) -> None:
        self.url = url.rstrip("/")
        self._token_file = token_file
        self._client = httpx.AsyncClient(
            base_url=self.url,
            timeout=httpx.Timeout(10.0, connect=2.0),
            trust_env=False,
            verify=self.url.startswith("https:"),  # reading certificates takes 25 ms of each start
        )

    async def applications(self) -> Mapping[str, Any]:
        """Return Serve's view of everything it runs.

        Raises:
            RayUnavailableError: Ray did not give one.
        """
        return await self._ask(_SERVE)

    async def put_applications(self, config: Mapping[str, Any]) -> None:
        """Make `config` the whole of what Serve runs.

        The first call on a fresh cluster starts Serve and takes several seconds.

        Raises:
            RayUnavailableError: it was not accepted.
        """
        await self._call("PUT", _SERVE, config, timeout_seconds=60.0)

    async def nodes(self) -> list[Mapping[str, Any]]:
        """Return the nodes that Ray knows, dead ones included.

        Raises:
            RayUnavailableError: Ray did not give them.
        """
        answer = await self._ask("/api/v0/nodes")
        try:
            return answer["data"]["result"]["result"]
        except (KeyError, TypeError) as error:
            raise self._senseless("/api/v0/nodes") from error

    async def version(self) -> str:
        """Return Ray's version.

        Raises:
            RayUnavailableError: Ray did not answer.
        """
        version = (await self._ask("/api/version")).get("ray_version")
        if not isinstance(version, str):
            raise self._senseless("/api/version")
        return version

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def _ask(self, path: str) -> Mapping[str, Any]:
        response = await self._call("GET", path)
        try:
            answer = response.json()
        except ValueError as error:
            raise self._senseless(path) from error
        if not isinstance(answer, dict):
            raise self._senseless(path)
        return cast(Mapping[str, Any], answer)

    def _senseless(self, path: str) -> RayUnavailableError:
        return RayUnavailableError(
            f"{self.url}{path} gave an answer that is not Ray's. Is it the address of a Ray head?"
        )

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        timeout_seconds: float = 10.0,
    ) -> httpx.Response:
        try:
            response = await self._client.request(
                method, path, json=body, headers=self._headers(), timeout=timeout_seconds
            )
        except httpx.HTTPError as error:
            cause = str(error) or type(error).__name__
            raise RayUnavailableError(f"{self.url} can't be reached ({cause}).") from error
        if response.status_code in (401, 403):
            raise RayUnavailableError(
                f"{self.url} refused the token in {self._token_file}. Set "
                "VLLM_MANAGER_RAY_TOKEN_PATH to the file with the cluster's token."
            )
        if response.is_error:
            text = response.text.strip().splitlines()
            last = text[-1] if text else "no text"
            raise RayUnavailableError(f"{self.url}{path} answered {response.status_code}: {last}")
        return response

    def _headers(self) -> dict[str, str]:
        try:
            return {
                "Authorization": f"Bearer {self._token_file.read_text(encoding='ascii').strip()}"
            }
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeError) as error:
            raise RayUnavailableError(
                f"Ray's token can't be read from {self._token_file} ({error})."
            ) from error
