"""A real receiver of traces: OTLP over HTTP, JSON and protobuf, read with the official messages."""

import asyncio
import base64
import json
import ssl
from typing import Any, NamedTuple, cast

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.http_server import Exchange, HttpServer

_IDS = ("traceId", "spanId", "parentSpanId")


class Span(NamedTuple):
    """A span as it was received; ids in hexadecimal digits."""

    service: str
    trace: str
    span: str
    parent: str
    name: str
    kind: int
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    events: dict[str, int]
    """Name → when, in nanoseconds since 1970."""
    failed: bool


class Collector(HttpServer):
    """Keeps every span; answers with `status`."""

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(self._take, port, tls)
        self.spans: list[Span] = []
        self.status = 200
        self._came = asyncio.Event()

    def of(self, trace: str) -> list[Span]:
        return [span for span in self.spans if span.trace == trace]

    async def wait_for(self, count: int, trace: str | None = None) -> list[Span]:
        """Return the spans, of one trace where it is named, once there are so many."""
        async with asyncio.timeout(60):
            while len(found := self.spans if trace is None else self.of(trace)) < count:
                self._came.clear()
                await self._came.wait()
        return found

    async def _take(self, exchange: Exchange) -> None:
        assert (exchange.method, exchange.path) == ("POST", "/v1/traces")
        if self.status == 200:
            self.spans += spans_of(exchange.headers["content-type"], exchange.body)
            self._came.set()
        exchange.reply_json({}, self.status)


def spans_of(content_type: str, body: bytes) -> list[Span]:
    """Decode an export; what the protocol does not know is an error."""
    if content_type == "application/json":
        request = ParseDict(_in_base64(json.loads(body)), ExportTraceServiceRequest())
    else:
        assert content_type == "application/x-protobuf"
        request = ExportTraceServiceRequest.FromString(body)
    found: list[Span] = []
    for resource in request.resource_spans:
        service = _attributes(resource.resource)["service.name"]
        for scope in resource.scope_spans:
            found += [_span(service, span) for span in scope.spans]
    return found


def _span(service: str, span: Any) -> Span:
    return Span(
        service,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.name,
        span.kind,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        _attributes(span),
        {event.name: event.time_unix_nano for event in span.events},
        span.status.code == span.status.STATUS_CODE_ERROR,
    )


def _attributes(of: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in of.attributes}


def _in_base64(value: Any) -> Any:
    """Return OTLP's JSON as protobuf's own: OTLP writes ids in hexadecimal digits."""
    if isinstance(value, list):
        return [_in_base64(one) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    return {
        key: base64.b64encode(bytes.fromhex(one)).decode() if key in _IDS else _in_base64(one)
        for key, one in members.items()
    }
