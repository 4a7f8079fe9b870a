"""One request on its way to an engine and back: choose, send, pass on, account for it."""

import json
import logging
import time
from typing import NamedTuple

from vllm_manager.gateway.admission import Ticket
from vllm_manager.gateway.answers import Refusal, error_object, refuse, reply
from vllm_manager.gateway.asgi import Headers, Send
from vllm_manager.gateway.balance import Endpoint, choose
from vllm_manager.gateway.context import Context
from vllm_manager.gateway.demands import Estimate
from vllm_manager.gateway.identity import Asker
from vllm_manager.gateway.journal import Record
from vllm_manager.gateway.protocol import ClientConnection
from vllm_manager.gateway.queueing import Seat
from vllm_manager.gateway.refusals import queue_headers, turned_away
from vllm_manager.gateway.requests.tracking import Tracked
from vllm_manager.gateway.routes import EngineRoute
from vllm_manager.gateway.taps import UNKNOWN, BodyTap, EventTap, Usage, about, read_usage
from vllm_manager.gateway.traces import NO_TRACE, Trace
from vllm_manager.gateway.upstream import (
    Broken,
    Connection,
    Dropped,
    Silent,
    Unreachable,
    UpstreamFailed,
)
from vllm_manager.kit.endings import Outcome

log = logging.getLogger(__name__)

# Headers of an engine's answer that concern one connection, or nobody outside.
_KEPT_BACK = frozenset(
    (
        b"connection keep-alive proxy-authenticate proxy-connection te trailer transfer-encoding "
        b"upgrade server date set-cookie x-request-id x-engine-secret"
    ).split()
)


class Request(NamedTuple):
    """An admitted request, as it is sent to an engine."""

    id: bytes
    route: EngineRoute
    asker: Asker
    model: str
    stream: bool
    body: bytes
    strips_usage: bool
    """The client did not ask for the chunk with the usage that the body asks for."""
    estimate: Estimate
    limit_headers: Headers
    """What the answer tells of the caller's limits."""
    trace: Trace = NO_TRACE


def request_cancelled(model: str) -> Refusal:
    """Return the answer for a request that was cancelled through the API."""
    message = (
        f"This request to “{model}” was cancelled by you or by an operator, and its engine does "
        "not work on it any more. Send it again if it is still wanted."
    )
    return Refusal(409, "request_cancelled", message, is_final=True)


class EngineCall:
    """Runs one request. `settle` must be called on every way out, and counts once.

    What others may see of it stands in `tracked`.
    """

    def __init__(
        self,
        context: Context,
        request: Request,
        ticket: Ticket,
        client: ClientConnection,
        tracked: Tracked,
    ) -> None:
        self._context = context
        self._request = request
        self._ticket = ticket
        self._client = client
        self._tracked = tracked
        self._is_begun = False
        """The client has been sent the head of an answer."""
        self._is_settled = False
        self._headers: Headers = [(b"x-request-id", request.id), *request.limit_headers]
        self._is_asked = False
        """An engine has the request, and works on it."""

    async def run(self, send: Send) -> None:
        """Answer the request, whatever becomes of the engine."""
        seat = self._ticket.seat
        if seat is not None and seat.is_waiting and not await self._got_slot(seat, send):
            return
        try:
            endpoint, upstream = await self._answered()
        except UpstreamFailed as error:
            await self._refuse(error, send)
            return
        try:
            await self._pass_on(upstream, send)
        except UpstreamFailed as error:
            endpoint.failed(self._now())
            await self._break_off(error, send)
        finally:
            upstream.release()
            endpoint.outstanding -= 1

    async def answer_cancelled(self, send: Send) -> None:
        """Tell the client that somebody ended its request; the engine works on it no more."""
        refusal = request_cancelled(self._request.model)
        if self._is_begun:
            await self._break_off_with(refusal, "cancelled", send)
        else:
            await self._refuse_with(refusal, "cancelled", send)

    def settle(self, *, client_left: bool) -> None:
        """Give back what was reserved and write the usage down. Only the first call counts."""
        if self._is_settled:
            return
        self._is_settled = True
        request, tracked = self._request, self._tracked
        if client_left:
            tracked.outcome, tracked.status = "client_left", 499
        usage = tracked.usage = self._counted()
        queue_seconds = self._queue_seconds()
        self._ticket.settle((usage.prompt_tokens or 0) + (usage.completion_tokens or 0))
        self._context.tracker.finish(tracked)
        record = self._record(queue_seconds)
        if tracked.outcome == "refused" and not self._is_asked:
            claim = self._ticket.claim
            self._context.refused.add(self._request.asker, claim.model, tracked.status)
        else:
            self._context.journal.add(record)
        if request.trace.spans is not None:
            self._context.tracer.ended(request.trace.spans, record)

    def _record(self, queue_seconds: float) -> Record:
        request, tracked = self._request, self._tracked
        usage = tracked.usage
        return Record(
            at=time.time(),
            key=request.asker.key,
            user=request.asker.user,
            model=request.model,
            path=request.route.path,
            status=tracked.status,
            stream=request.stream,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cached_tokens=usage.cached_tokens,
            seconds=tracked.seconds or 0.0,
            first_token_seconds=tracked.first_token_seconds,
            outcome=tracked.outcome,
            team=request.asker.team,
            queue_seconds=queue_seconds,
            base=self._ticket.claim.model,
        )

    def _queue_seconds(self) -> float:
        seat = self._ticket.seat
        if seat is None:
            return 0.0
        return self._seconds() if seat.is_waiting else seat.waited_seconds

    def _seconds(self) -> float:
        return time.perf_counter() - self._tracked.started

    def _counted(self) -> Usage:
        """Return what the engine counted; of an answer that was cut short, about what was made."""
        tracked = self._tracked
        tap = tracked.tap
        usage = tracked.usage if tap is None else tap.usage
        if not self._is_asked or not self._request.route.generates:
            return usage
        has_left = tracked.outcome in ("client_left", "cancelled")
        is_cut = has_left or tracked.outcome == "upstream_failed"
        is_stream = isinstance(tap, EventTap) and tap.events > 0
        if has_left or (is_stream and (is_cut or usage == UNKNOWN)):
            return about(usage, tap, self._request.estimate.prompt)
        return usage

    # Waiting for a slot

    async def _got_slot(self, seat: Seat, send: Send) -> bool:
        """Wait for a slot of the model; refuse the request, and return False, where none came."""
        await seat.decided()
        if seat.turned_away is None:
            self._headers += queue_headers(seat.waited_seconds)
            return True
        away = turned_away(seat.turned_away, self._context.directory, self._request.model)
        await self._refuse_with(away, "refused", send)
        return False

    # Finding an engine that answers

    async def _answered(self) -> tuple[Endpoint, Connection]:
        """Return an endpoint, with one more outstanding, and the answer that it began.

        Another replica is asked only while no byte of an answer has come (or a plain 503).
        """
        tried: list[Endpoint] = []
        failure: UpstreamFailed = Unreachable("it has no replica that can be asked")
        while endpoint := self._choose(tried):
            endpoint.outstanding += 1
            taken = False
            try:
                upstream = await self._ask(endpoint)
                taken = upstream.status != 503 or not self._has_another(tried, endpoint)
                if taken:
                    endpoint.succeeded()
                    return endpoint, upstream
                upstream.release()
                failure = Unreachable("its replicas answer 503")
            except (Unreachable, Dropped) as error:
                failure = error
            finally:
                if not taken:
                    endpoint.outstanding -= 1
            self._note_failure(endpoint, failure)
            tried.append(endpoint)
        raise failure

    def _choose(self, tried: list[Endpoint]) -> Endpoint | None:
        model = self._context.directory.models.get(self._request.model)
        return choose(model.endpoints, tried, self._now()) if model else None

    def _has_another(self, tried: list[Endpoint], endpoint: Endpoint) -> bool:
        return self._choose([*tried, endpoint]) is not None

    async def _ask(self, endpoint: Endpoint) -> Connection:
        client = self._context.client
        connection = await client.open(endpoint.target)
        try:
            return await self._exchange(connection, endpoint)
        except Dropped:
            if not connection.reused:
                raise
        # The engine closed an idle connection in the moment that it was taken.
        return await self._exchange(await client.open(endpoint.target, fresh=True), endpoint)

    async def _exchange(self, connection: Connection, endpoint: Endpoint) -> Connection:
        request = self._request
        head = b"POST %b HTTP/1.1\r\n%bx-request-id: %b\r\n%bcontent-length: %d\r\n\r\n" % (
            request.route.engine_path,
            endpoint.preamble,
            request.id,
            request.trace.headers,
            len(request.body),
        )
        try:
            self._is_asked = True
            self._tracked.endpoint = endpoint
            connection.begin(head + request.body)
            await connection.head(self._context.config.first_byte_seconds)
        except BaseException:
            connection.release()
            raise
        return connection

    # Passing its answer on

    async def _pass_on(self, upstream: Connection, send: Send) -> None:
        headers, is_events = self._answer_headers(upstream)
        tracked = self._tracked
        tracked.status = upstream.status
        if tracked.status >= 400:
            tracked.outcome = "refused" if tracked.status < 500 else "upstream_failed"
        if upstream.complete and not is_events:
            await self._pass_whole(await upstream.read(0), headers, send)
            return
        strip = is_events and self._request.strips_usage
        tap = tracked.tap = EventTap(strip=strip) if is_events else BodyTap()
        await self._pass_pieces(upstream, tap, headers, send)

    async def _pass_whole(self, body: bytes, headers: Headers, send: Send) -> None:
        tracked = self._tracked
        tracked.first_token_seconds = self._seconds()
        tracked.usage = read_usage(body) or UNKNOWN
        if tracked.captured is not None:
            tracked.captured.add(body)
        headers = [header for header in headers if header[0] != b"content-length"]
        self._is_begun = True
        self._client.cork()
        try:
            await reply(send, tracked.status, body, headers)
        finally:
            self._client.uncork()

    async def _pass_pieces(
        self, upstream: Connection, tap: BodyTap | EventTap, headers: Headers, send: Send
    ) -> None:
        tracked, config = self._tracked, self._context.config
        self._is_begun = True
        await send({"type": "http.response.start", "status": upstream.status, "headers": headers})
        timeout_seconds = config.first_byte_seconds
        while data := await upstream.read(timeout_seconds):
            if tracked.first_token_seconds is None:
                tracked.first_token_seconds = self._seconds()
                timeout_seconds = config.between_chunks_seconds
            if tracked.captured is not None:
                tracked.captured.add(data)
            if piece := tap.feed(data):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": tap.finish()})

    def _answer_headers(self, upstream: Connection) -> tuple[Headers, bool]:
        headers = self._headers
        is_events = False
        for header in upstream.headers:
            name, value = header
            if name in _KEPT_BACK:
                continue
            if name == b"content-type" and value.startswith(b"text/event-stream"):
                is_events = True
                headers.append((b"x-accel-buffering", b"no"))
            headers.append(header)
        return headers, is_events

    # Failing

    async def _refuse(self, error: UpstreamFailed, send: Send) -> None:
        self._log(error)
        await self._refuse_with(self._explain(error), "upstream_failed", send)

    async def _refuse_with(self, refusal: Refusal, outcome: Outcome, send: Send) -> None:
        """Answer with an error before anything else was sent."""
        self._tracked.status, self._tracked.outcome = refusal.status, outcome
        await refuse(send, refusal, self._request.id, anthropic=self._request.route.is_anthropic)

    async def _break_off(self, error: UpstreamFailed, send: Send) -> None:
        self._log(error)
        await self._break_off_with(self._explain(error), "upstream_failed", send)

    async def _break_off_with(self, refusal: Refusal, outcome: Outcome, send: Send) -> None:
        """End an answer that has begun: with an error event in a stream, else by hanging up."""
        tap = self._tracked.tap
        self._tracked.outcome = outcome
        if not isinstance(tap, EventTap):
            self._client.abort()
            return
        is_anthropic = self._request.route.is_anthropic
        data = json.dumps(error_object(refusal, anthropic=is_anthropic))
        name = "event: error\n" if is_anthropic else ""
        event = f"{name}data: {data}\n\n".encode()
        rest = tap.finish()
        separator = b"\n\n" if rest else b""
        await send({"type": "http.response.body", "body": rest + separator + event})

    def _explain(self, error: UpstreamFailed) -> Refusal:
        model = self._request.model
        if isinstance(error, Silent):
            message = (
                f"The engine of “{model}” did not begin to answer within "
                f"{self._context.config.first_byte_seconds:.0f} s. It may be overloaded: "
                "look at its queue, or send a shorter prompt."
            )
            return Refusal(504, "engine_timeout", message)
        if isinstance(error, Broken):
            message = (
                f"The engine of “{model}” broke off its answer ({error}). "
                "The request was not repeated, since a part may have been delivered: send it again."
            )
            return Refusal(502, "engine_failed", message)
        message = (
            f"No replica of “{model}” could be reached ({error}). "
            "A replica that died is being replaced; try again in a few seconds."
        )
        return Refusal(503, "engine_unreachable", message, retry_after_seconds=2)

    def _note_failure(self, endpoint: Endpoint, error: UpstreamFailed) -> None:
        if endpoint.aside_until <= self._now():
            log.warning(
                "replica %s of %s is set aside: %s",
                endpoint.entry.replica_id,
                self._request.model,
                error,
            )
        endpoint.failed(self._now())

    def _log(self, error: UpstreamFailed) -> None:
        log.warning(
            "request %s to %s failed: %s: %s",
            self._request.id.decode("latin-1"),
            self._request.model,
            type(error).__name__,
            error,
        )

    def _now(self) -> float:
        return self._context.client.loop.time()
