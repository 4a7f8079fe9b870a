"""The Hugging Face Hub's HTTP API: asks it, retries what may be retried, names what it refuses.

Its paths and parameters are those that `huggingface_hub` uses; that client is the referee in the
tests. It isn't used here: it would block, follow redirects to anywhere, and take tokens from the
environment (docs/decisions/0024).
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

import httpx
import orjson

from vllm_manager.catalog.names import quoted
from vllm_manager.catalog.outbound import OutboundRefused
from vllm_manager.catalog.refusals import RETRYABLE, Asked, of_error, of_response
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import Problem

Json = dict[str, Any]

_BACK_OFF_SECONDS: Final = (0.2, 0.8)
_LONGEST_WAIT_SECONDS: Final = 2.0
_LARGEST_ANSWER_BYTES: Final = 64 << 20
_MAX_PAGES: Final = 200


@dataclass(frozen=True, slots=True)
class HubPage:
    """One page of a list, and the hub's own cursor to the next."""

    items: Sequence[Json]
    cursor: str | None


class Hub:
    """One hub, or a mirror of it. A token is passed with each call and never kept.

    Every method raises:
        Problem: one of the kinds in `refusals`.
    """

    def __init__(self, endpoint: str, http: httpx.AsyncClient, clock: Clock) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._http = http
        self._clock = clock

    async def close(self) -> None:
        await self._http.aclose()

    async def search(self, query: Mapping[str, Any], token: str | None) -> HubPage:
        """Return one page of `/api/models`."""
        return await self._page("/api/models", query, self._asked(token), token)

    async def model(self, repo: str, revision: str, token: str | None) -> Json:
        """Return what the hub knows of a model at a revision, its files with their sizes."""
        asked = self._asked(token, repo, revision)
        path = f"/api/models/{quoted(repo)}/revision/{revision.replace('/', '%2F')}"
        return _object(await self._get(path, {"blobs": "true"}, asked, token), asked)

    async def tree(self, repo: str, commit: str, token: str | None) -> list[Json]:
        """Return every file and folder of a commit, however many pages there are."""
        asked = self._asked(token, repo, commit)
        path = f"/api/models/{quoted(repo)}/tree/{quoted(commit)}"
        query: dict[str, Any] = {"recursive": "true"}
        found: list[Json] = []
        for _ in range(_MAX_PAGES):
            page = await self._page(path, query, asked, token)
            found.extend(page.items)
            if page.cursor is None:
                return found
            query["cursor"] = page.cursor
        raise _senseless(asked, f"more than {_MAX_PAGES} pages of files")

    async def file(
        self, repo: str, commit: str, path: str, token: str | None, limit_bytes: int
    ) -> bytes:
        """Return the beginning of a file: all of it where it has at most `limit_bytes`."""
        return await self.part(repo, commit, path, token, 0, limit_bytes)

    async def part(
        self, repo: str, commit: str, path: str, token: str | None, start: int, count: int
    ) -> bytes:
        """Return `count` bytes of a file from `start` on; fewer where it ends before."""
        asked = Asked(self.endpoint, repo, commit, path, token is not None)
        address = f"/{quoted(repo)}/resolve/{quoted(commit)}/{quoted(path)}"
        wanted = {"range": f"bytes={start}-{start + count - 1}", "accept-encoding": "identity"}
        async with self._answer(address, {}, asked, token, wanted) as response:
            skip = 0 if response.status_code == 206 else start
            data = await _read(response, asked, skip + count)
        return data[skip : skip + count]

    async def whoami(self, token: str) -> Json:
        """Return whose token it is."""
        asked = self._asked(token)
        return _object(await self._get("/api/whoami-v2", {}, asked, token), asked)

    def _asked(
        self, token: str | None, repo: str | None = None, revision: str | None = None
    ) -> Asked:
        return Asked(self.endpoint, repo, revision, has_token=token is not None)

    async def _page(
        self, path: str, query: Mapping[str, Any], asked: Asked, token: str | None
    ) -> HubPage:
        async with self._answer(path, query, asked, token) as response:
            body = _parse(await _read(response, asked), asked)
            following = response.links.get("next", {}).get("url")
        if not isinstance(body, list):
            raise _senseless(asked, "no list")
        items = cast("list[Any]", body)
        # Only the cursor is taken from the link: where it points to is the hub's word.
        cursor = httpx.URL(following).params.get("cursor") if following else None
        return HubPage([cast(Json, item) for item in items if isinstance(item, dict)], cursor)

    async def _get(
        self, path: str, query: Mapping[str, Any], asked: Asked, token: str | None
    ) -> object:
        async with self._answer(path, query, asked, token) as response:
            return _parse(await _read(response, asked), asked)

    @asynccontextmanager
    async def _answer(
        self,
        path: str,
        query: Mapping[str, Any],
        asked: Asked,
        token: str | None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[httpx.Response]:
        """Give a good answer, after as many tries as it is worth."""
        named = {**(headers or {}), **({"authorization": f"Bearer {token}"} if token else {})}
        request = self._http.build_request("GET", path, params=query, headers=named)
        for wait_seconds in (*_BACK_OFF_SECONDS, None):
            try:
                response = await self._http.send(request, stream=True)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                problem = of_error(error, asked)
                is_worth_it = not isinstance(error, OutboundRefused)
            else:
                if response.is_success:
                    try:
                        yield response
                    except httpx.HTTPError as error:
                        raise of_error(error, asked) from error
                    finally:
                        await response.aclose()
                    return
                await response.aclose()
                problem = of_response(response, asked)
                is_worth_it = response.status_code in RETRYABLE
            wait = _wait(problem, wait_seconds) if is_worth_it else None
            if wait is None:
                raise problem
            await self._clock.sleep(wait)


def _wait(problem: Problem, back_off_seconds: float | None) -> float | None:
    """Return how long to wait before the next try; None to give up: somebody is waiting."""
    told = problem.details.retry_after_seconds
    if back_off_seconds is None or (told or 0) > _LONGEST_WAIT_SECONDS:
        return None
    return max(back_off_seconds, told or 0)


async def _read(
    response: httpx.Response, asked: Asked, limit_bytes: int = _LARGEST_ANSWER_BYTES
) -> bytes:
    """Return at most `limit_bytes` of the body; an answer for people is never longer."""
    data = bytearray()
    async for chunk in response.aiter_bytes():
        data += chunk
        if len(data) >= limit_bytes:
            break
    return bytes(data[:limit_bytes])


def _parse(body: bytes, asked: Asked) -> object:
    try:
        return orjson.loads(body)
    except ValueError as error:
        raise _senseless(asked, "no JSON") from error


def _object(body: object, asked: Asked) -> Json:
    if not isinstance(body, dict):
        raise _senseless(asked, "no object")
    return cast(Json, body)


def _senseless(asked: Asked, what: str) -> Problem:
    return Problem(
        "hub_senseless",
        f"What answers at {asked.endpoint} does not speak the Hub's language: its answer was "
        f"{what}. Check VLLM_MANAGER_HUB_ENDPOINT, and whether a proxy answers in its place.",
        status=502,
    )
