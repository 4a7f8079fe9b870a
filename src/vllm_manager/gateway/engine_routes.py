"""What happens to a request under `/v1`: who asks, what is asked, is there room; then the call."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from vllm_manager.gateway.admission import Claim, Ticket
from vllm_manager.gateway.answers import Refusal, refuse
from vllm_manager.gateway.asgi import Receive, Scope, Send
from vllm_manager.gateway.bodies import ClientLeft, discard, read_body
from vllm_manager.gateway.context import Context, request_id
from vllm_manager.gateway.demands import Estimate, estimate
from vllm_manager.gateway.directory import Model
from vllm_manager.gateway.engine_call import EngineCall, Request
from vllm_manager.gateway.identity import Asker, identify
from vllm_manager.gateway.payload import Prompt, parse, with_usage
from vllm_manager.gateway.plans import NO_PLAN
from vllm_manager.gateway.priorities import priority_of
from vllm_manager.gateway.protocol import ClientConnection
from vllm_manager.gateway.queueing import TurnedAway, terms_of
from vllm_manager.gateway.refusals import not_ready, turned_away, unknown_model
from vllm_manager.gateway.requests.tracking import Tracked
from vllm_manager.gateway.routes import EngineRoute
from vllm_manager.gateway.traces import NO_TRACE


class Asked(NamedTuple):
    """A request for a model that is there, from somebody who may use it."""

    asker: Asker
    prompt: Prompt
    body: bytes
    model: Model
    priority: int


async def serve_engine_route(
    context: Context, route: EngineRoute, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer one request for an engine."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    id_ = request_id(headers)
    trace = context.tracer.begin(headers)
    asker = None
    try:
        asker = _asker(context, route, scope, headers)
        asked = await _asked(context, asker, headers, receive)
    except ClientLeft:
        return
    except Refusal as refusal:
        context.tracker.count_refused(refusal.status)
        context.refused.add(asker, "", refusal.status)
        await _refuse(refusal, route, id_, receive, send)
        return
    tracked = _track(context, route, asked, id_, scope, headers)
    try:
        admitted, ticket = _admitted(context, route, asked, id_)
    except Refusal as refusal:
        tracked.status, tracked.outcome = refusal.status, "refused"
        context.tracker.finish(tracked)
        context.refused.add(asked.asker, asked.model.base, refusal.status)
        await _refuse(refusal, route, id_, receive, send)
        return
    except Exception:
        _note_our_failure(tracked)
        context.tracker.finish(tracked)
        raise
    client: ClientConnection = scope["connection"]
    request = admitted if trace is NO_TRACE else admitted._replace(trace=trace)
    call = EngineCall(context, request, ticket, client, tracked)
    try:
        await _run_while_connected(call, tracked, client, send)
    finally:
        call.settle(client_left=client.lost and tracked.outcome != "cancelled")


async def _run_while_connected(
    call: EngineCall, tracked: Tracked, client: ClientConnection, send: Send
) -> None:
    """Run `call`; a client that leaves cancels it in that moment, whatever it is waiting for.

    So does who cancels the request; then the client is told.
    """
    task = asyncio.current_task()
    if client.lost or task is None:
        return
    client.on_lost = task.cancel
    tracked.task = task
    try:
        await call.run(send)
    except asyncio.CancelledError:
        if client.lost:
            return
        if not tracked.is_cancelled:
            tracked.outcome = "cancelled"  # the gateway is stopped, and waits no longer
            raise
        task.uncancel()
        await call.answer_cancelled(send)
    except Exception:
        _note_our_failure(tracked)
        raise
    finally:
        client.on_lost = tracked.task = None


def _note_our_failure(tracked: Tracked) -> None:
    """Count what broke inside the gateway as the server's failure: its client is hung up on."""
    tracked.status, tracked.outcome = 500, "upstream_failed"


def _asker(
    context: Context, route: EngineRoute, scope: Scope, headers: Mapping[bytes, bytes]
) -> Asker:
    if scope["method"] != "POST":
        message = f"{route.path} takes POST, not {scope['method']}."
        raise Refusal(405, "method_not_allowed", message)
    return identify(
        context.directory,
        headers,
        takes_x_api_key=route.is_anthropic,
        address=lambda: context.address(scope, headers),
    )


async def _asked(
    context: Context, asker: Asker, headers: Mapping[bytes, bytes], receive: Receive
) -> Asked:
    priority = priority_of(asker.priority, headers)
    body = await read_body(context.config, headers, receive)
    prompt = parse(body, headers.get(b"content-type"))
    return Asked(asker, prompt, body, _find(context, prompt, asker), priority)


def _track(
    context: Context,
    route: EngineRoute,
    asked: Asked,
    id_: bytes,
    scope: Scope,
    headers: Mapping[bytes, bytes],
) -> Tracked:
    asker, prompt, body, model, _ = asked
    peer, forwarded = scope["client"], headers.get(b"x-forwarded-for")
    return context.tracker.begin(
        id_, route.path, model.base, model.name, prompt.stream, asker, peer, forwarded, body
    )


def _admitted(
    context: Context, route: EngineRoute, asked: Asked, id_: bytes
) -> tuple[Request, Ticket]:
    """Take room for a request. While it waits for any, it is tracked as `queued` by itself."""
    asker, prompt, body, model, priority = asked
    if not model.endpoints:
        raise not_ready(model)
    strips = False
    if prompt.stream and route.asks_usage:
        body, strips = with_usage(body, prompt)
    longest = model.entry.max_model_len
    estimated = estimate(body, prompt, generates=route.generates, max_model_len=longest)
    ticket = _reserve(context, model, asker, estimated, priority)
    plan = ticket.claim.plan
    told = [] if plan is NO_PLAN else context.book.headers_of_taken(plan)
    request = Request(id_, route, asker, model.name, prompt.stream, body, strips, estimated, told)
    return request, ticket


def _find(context: Context, prompt: Prompt, asker: Asker) -> Model:
    model = context.directory.models.get(prompt.model)
    if model is None or (asker.models is not None and not model.is_open_to(asker.models)):
        known = context.directory.names(asker.models)
        raise unknown_model(prompt.model, known)
    return model


def _reserve(
    context: Context, model: Model, asker: Asker, asked: Estimate, priority: int
) -> Ticket:
    plan = context.subjects.of(context.directory.snapshot, asker, model.base)
    tokens = asked.prompt + (asked.output_at_most if plan.quotas else asked.output)
    today = context.book.calendar()
    claim = Claim(model.base, asker.user, asker.key, terms_of(model), plan, tokens, today, priority)
    ticket = context.admission.reserve(claim)
    if isinstance(ticket, Ticket):
        return ticket
    more_headers = () if plan is NO_PLAN else context.book.headers(plan)
    if isinstance(ticket, TurnedAway):
        raise turned_away(ticket, context.directory, model.name, more_headers)
    raise Refusal(
        429 if ticket.is_callers_limit else 503,
        ticket.code,
        ticket.message,
        retry_after_seconds=ticket.retry_after_seconds,
        more_headers=more_headers,
    )


async def _refuse(
    refusal: Refusal, route: EngineRoute, id_: bytes, receive: Receive, send: Send
) -> None:
    if refusal.status == 413:
        await discard(refusal, id_, receive, send)
        return
    await refuse(send, refusal, id_, anthropic=route.is_anthropic)
