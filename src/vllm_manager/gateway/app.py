"""The gateway's ASGI application: looks at the path and hands the request on."""

import json
import logging

from vllm_manager.gateway.answers import Refusal, refuse, reply, reply_problem
from vllm_manager.gateway.asgi import Receive, Scope, Send
from vllm_manager.gateway.context import Context, request_id
from vllm_manager.gateway.directory import describe
from vllm_manager.gateway.engine_routes import serve_engine_route
from vllm_manager.gateway.identity import identify
from vllm_manager.gateway.refusals import unknown_model
from vllm_manager.gateway.relay import relay
from vllm_manager.gateway.routes import (
    ENGINE_ROUTES,
    HEALTH_PATH,
    METRICS_PATH,
    MODELS_PATH,
    is_api,
    is_hidden,
)

log = logging.getLogger(__name__)

_JSON = (b"content-type", b"application/json")
_TEXT = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


class Application:
    """Answers what is the gateway's own; `/v1` goes to engines, the rest to the control plane."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = ENGINE_ROUTES.get(scope["path"])
        try:
            if route is not None:
                await serve_engine_route(self._context, route, scope, receive, send)
            else:
                await self._serve_other(scope, receive, send)
        except Exception:
            log.exception("%s %s failed inside the gateway", scope["method"], scope["path"][:200])
            scope["connection"].abort()

    async def _serve_other(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path == HEALTH_PATH:
            await self._serve_health(send)
        elif path == METRICS_PATH or is_api(path):
            await self._serve_api(path, scope, send)
        elif is_hidden(path):
            id_ = request_id(dict(scope["headers"]))
            await reply_problem(send, 404, "not_found", "There is nothing here.", id_)
        else:
            await relay(self._context, scope, receive, send)

    async def _serve_health(self, send: Send) -> None:
        context = self._context
        snapshot = context.directory.snapshot
        health = {
            "status": "draining" if context.is_draining else "ok",
            "snapshot_version": snapshot.version,
            "models": len(snapshot.models),
        }
        status = 503 if context.is_draining else 200
        await reply(send, status, json.dumps(health).encode(), [_JSON])

    async def _serve_api(self, path: str, scope: Scope, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        id_ = request_id(headers)
        try:
            is_safe = scope["method"] in ("GET", "HEAD")
            asker = identify(
                self._context.directory,
                headers,
                is_safe=is_safe,
                uses_models=path != METRICS_PATH,
                address=lambda: self._context.address(scope, headers),
            )
            if path == METRICS_PATH:
                await reply(send, 200, self._metrics(asker.models), [_TEXT])
                return
            body = self._model_answer(path, asker.models)
            if not is_safe:
                raise Refusal(405, "method_not_allowed", f"{path} takes GET.")
            await reply(send, 200, body, [_JSON, (b"x-request-id", id_)])
        except Refusal as refusal:
            await refuse(send, refusal, id_)

    def _model_answer(self, path: str, allowed: list[str] | None) -> bytes:
        directory = self._context.directory
        if path == MODELS_PATH:
            return directory.listing(allowed)
        prefix, _, name = path.partition(MODELS_PATH + "/")
        if prefix or not name:
            raise Refusal(404, "not_found", f"There is no route {path[:100]} in this API.")
        model = directory.models.get(name)
        if model is None or (allowed is not None and not model.is_open_to(allowed)):
            raise unknown_model(name, directory.names(allowed))
        return json.dumps(describe(model)).encode()

    def _metrics(self, allowed: list[str] | None) -> bytes:
        """Return the figures of the models that someone may use; viewers, who use none, see all."""
        context = self._context
        models = [
            name
            for name, each in context.directory.models.items()
            if not each.is_adapter and (not allowed or each.is_open_to(allowed))
        ]
        gauges = (
            ("in_flight", "Requests to engines under way.", context.counts.total),
            ("queued", "Requests that wait for a slot of their model.", context.slots.queued),
        )
        lines: list[str] = []
        for gauge, words, value in gauges:
            name = f"vllm_manager_gateway_{gauge}"
            lines += [f"# HELP {name} {words}", f"# TYPE {name} gauge"]
            lines += [f'{name}{{model="{model}"}} {value(model)}' for model in models]
        if context.tracer.is_on:
            name = "vllm_manager_gateway_spans_dropped_total"
            lines += [
                f"# HELP {name} Requests whose spans could not be sent, of this worker.",
                f"# TYPE {name} counter",
                f"{name} {context.tracer.dropped}",
            ]
        return ("\n".join(lines) + "\n").encode()
