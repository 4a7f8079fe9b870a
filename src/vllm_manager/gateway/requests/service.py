"""Requests as people see them: everybody their own, others by role; cancel; captured bodies."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, get_args

import msgspec

from vllm_manager.auth import Principal
from vllm_manager.auth.subjects import KeyMark, Subjects
from vllm_manager.gateway.requests.board import RequestBoard, Seen
from vllm_manager.gateway.requests.captures import Captures, Kept, Rule
from vllm_manager.gateway.requests.schemas import (
    Activity,
    Capture,
    CaptureStart,
    RequestBodies,
    RequestPage,
    RequestView,
)
from vllm_manager.gateway.requests.wire import Orders, RequestState, Row, Told
from vllm_manager.kit.endings import StatusClass
from vllm_manager.kit.errors import Problem, not_found
from vllm_manager.kit.paging import cut, decode_cursor

_STATES: Mapping[str, RequestState] = {state: state for state in get_args(RequestState)}

RequireDeployment = Callable[[str], Awaitable[object]]
"""Raises where there is no deployment of this name."""


class Filter(NamedTuple):
    """Which requests are asked for; None: all."""

    deployment: str | None = None
    state: Activity | None = None
    user: str | None = None
    key: str | None = None
    status: StatusClass | None = None

    def fits(self, seen: Seen) -> bool:
        row = seen.row
        return (
            self.deployment in (None, row.deployment)
            and (self.state is None or (self.state == "active") is seen.is_active)
            and self.user in (None, row.user)
            and self.key in (None, row.key)
            and self.status in (None, row.status_class)
        )


class Requests:
    """Reads the board, and names who is on it."""

    def __init__(
        self,
        board: RequestBoard,
        captures: Captures,
        subjects: Subjects,
        require_deployment: RequireDeployment,
    ) -> None:
        self.board = board
        self._captures = captures
        self._subjects = subjects
        self._require_deployment = require_deployment

    def hear(self, told: Told) -> Orders:
        """Take what a worker says, and answer what it is to do."""
        ended = [
            self._captures.take((told.worker, row.number), told.pid, row) for row in told.ended
        ]
        numbers = self.board.put(msgspec.structs.replace(told, ended=ended))
        return Orders(numbers, dict(self._captures.orders()))

    async def list(
        self, principal: Principal, wanted: Filter, cursor: str | None, limit: int
    ) -> RequestPage:
        """Return what the principal may see, the newest first."""
        before = decode_cursor(cursor)
        found = [(seen.sort_key, seen) for seen in self._visible(principal) if wanted.fits(seen)]
        found.sort(reverse=True)
        rows = [one for one in found if before is None or one[0] < before][: limit + 1]
        items, next_cursor = cut([s for _, s in rows], limit, [key for key, _ in rows])
        workers, silent = self.board.workers()
        return RequestPage(
            items=[*await self._views(items)],
            next_cursor=next_cursor,
            workers=workers,
            silent_workers=silent,
        )

    async def get(self, principal: Principal, request_id: str) -> RequestView:
        """Return the newest request with this id.

        Raises:
            Problem: `request_not_found` (404), the same for those of others.
        """
        newest = max(self._with_id(principal, request_id), key=lambda seen: seen.sort_key)
        return (await self._views([newest]))[0]

    async def cancel(self, principal: Principal, request_id: str) -> RequestView:
        """Have a request broken off.

        Raises:
            Problem: `request_not_found` (404); `request_ended`, `gateway_silent` (409).
        """
        found = self._with_id(principal, request_id)
        active = [seen for seen in found if seen.is_active]
        if not active:
            raise Problem(
                "request_ended",
                "This request has ended already: there is nothing to cancel.",
                status=409,
            )
        current = [seen for seen in active if seen.is_current]
        if not current:
            raise Problem(
                "gateway_silent",
                "The gateway's worker that has this request has not been heard for 10 s, so it "
                "can't be told. Look at the gateway's log; the steward replaces one that died.",
                status=409,
            )
        for seen in current:
            self.board.cancel(seen.place)
        return (await self._views([seen._replace(is_cancelling=True) for seen in current]))[0]

    def bodies(self, request_id: str) -> RequestBodies:
        """Return the captured bodies of a request.

        Raises:
            Problem: `request_bodies_not_found` (404): they were not captured, or have expired.
        """
        found = [kept for kept in self._captures.kept() if kept.row.id == request_id]
        if not found:
            raise Problem(
                "request_bodies_not_found",
                "There are no bodies of this request: they were not captured, or have expired.",
                status=404,
            )
        kept = found[-1]
        return RequestBodies(
            id=kept.row.id,
            deployment=kept.row.deployment,
            request=kept.bodies.request,
            response=kept.bodies.response,
            is_cut=kept.bodies.is_cut,
            expires_at=kept.expires_at,
        )

    def captures(self) -> Sequence[Capture]:
        """Return the captures that are on."""
        return [_capture(rule) for rule in self._captures.rules()]

    async def start_capture(self, principal: Principal, name: str, asked: CaptureStart) -> Capture:
        """Capture a deployment's next bodies; what was asked before is replaced.

        Raises:
            Problem: `deployment_not_found` (404).
        """
        await self._require_deployment(name)
        rule = self._captures.start(
            name,
            seconds=asked.minutes * 60.0,
            count=asked.requests,
            keep_seconds=asked.keep_hours * 3600.0,
            by=principal.username,
        )
        return _capture(rule)

    def stop_capture(self, name: str, *, erase: bool) -> None:
        """Capture no more of a deployment's bodies; that it was not captured is no error."""
        self._captures.stop(name, erase=erase)

    def _visible(self, principal: Principal) -> Iterator[Seen]:
        """Yield everybody's requests to administrators and operators, to others their own."""
        places = set[object]()
        sees_all = principal.role in ("administrator", "operator")
        for seen in (*self.board.seen(), *map(_over, self._captures.kept())):
            is_own = seen.row.user == principal.user_id
            if seen.place not in places and (is_own or sees_all):
                places.add(seen.place)
                yield seen

    def _with_id(self, principal: Principal, request_id: str) -> Sequence[Seen]:
        found = [seen for seen in self._visible(principal) if seen.row.id == request_id]
        if not found:
            raise not_found("request", request_id)
        return found

    async def _views(self, several: Sequence[Seen]) -> Sequence[RequestView]:
        users = await self._subjects.names("user", [*{seen.row.user for seen in several}])
        keys = await self._subjects.keys([*{s.row.key for s in several if s.row.key}])
        kept = {kept.place for kept in self._captures.kept()}
        return [_view(seen, users, keys, has_bodies=seen.place in kept) for seen in several]


def _over(kept: Kept) -> Seen:
    return Seen(kept.place, kept.pid, kept.row, kept.row.seconds, False, True, False)


def _capture(rule: Rule) -> Capture:
    return Capture(
        deployment=rule.deployment,
        until=rule.until_at,
        requests_left=rule.left,
        keep_hours=round(rule.keep_seconds / 3600),
        started_by=rule.started_by,
    )


def tokens_per_second(row: Row, seconds: float) -> float | None:
    """Return the pace of the tokens after the first; of a whole answer that of all of them."""
    tokens = row.completion_tokens
    if tokens is None:
        return None
    first = row.ttft_seconds
    made, spent = (tokens, seconds) if first is None else (tokens - 1, seconds - first)
    return made / spent if made > 0 and spent > 0 else None


def _view(
    seen: Seen, users: Mapping[str, str], keys: Mapping[str, KeyMark], *, has_bodies: bool
) -> RequestView:
    row = seen.row
    key = keys.get(row.key or "")
    return RequestView(
        id=row.id,
        deployment=row.deployment,
        model=row.model,
        replica=row.replica,
        path=row.path,
        stream=row.stream,
        state=_STATES.get(row.state, "refused"),
        is_active=seen.is_active,
        is_current=seen.is_current,
        is_cancelling=seen.is_cancelling,
        status=row.status,
        status_class=row.status_class,
        started_at=datetime.fromtimestamp(row.started_at, UTC),
        seconds=seen.seconds,
        ttft_seconds=row.ttft_seconds,
        tokens_per_second=tokens_per_second(row, row.seconds),
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        cached_tokens=row.cached_tokens,
        user=row.user,
        user_name=users.get(row.user),
        team=row.team,
        key=row.key,
        key_name=key.name if key else None,
        key_last_four=key.last_four if key else None,
        key_class=row.key_class,
        client=row.client,
        worker=seen.pid,
        has_bodies=has_bodies,
    )
