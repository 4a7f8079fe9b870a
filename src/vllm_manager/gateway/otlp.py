"""Traces in OpenTelemetry's protocol: requests that are over, as the JSON of OTLP/HTTP (pure).

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding; names of attributes are those of
the semantic conventions for HTTP and generative AI, where they have one.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from vllm_manager.gateway.journal import Record
from vllm_manager.gateway.traces import Ended

PATH: Final = "/v1/traces"
_SERVER, _CLIENT, _INTERNAL = 2, 3, 1
_ERROR = 2
_OPERATIONS = {
    "/v1/chat/completions": "chat",
    "/v1/messages": "chat",
    "/v1/responses": "chat",
    "/v1/completions": "text_completion",
    "/v1/embeddings": "embeddings",
}
_NANOSECONDS = 1_000_000_000

Json = dict[str, Any]


def encode(batch: Sequence[Ended], version: str, worker: int) -> bytes:
    """Return the body of one export: the spans of all requests of `batch`."""
    resource = {
        "service.name": "vllm-manager-gateway",
        "service.version": version,
        "service.instance.id": str(worker),
    }
    spans = [span for ended in batch for span in spans_of(ended)]
    scope = {"scope": {"name": "vllm_manager.gateway", "version": version}, "spans": spans}
    whole = {"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scope]}
    return msgspec.json.encode({"resourceSpans": [whole]})


def spans_of(ended: Ended) -> list[Json]:
    """Return a request's spans: the whole, what came before the engine, the engine's part."""
    spans, record = ended.spans, ended.record
    end_ns = spans.began_ns + round(ended.seconds * _NANOSECONDS)
    asked_ns = max(spans.began_ns, end_ns - round(record.seconds * _NANOSECONDS))
    failed = record.status >= 500
    common = {"gen_ai.request.model": record.model}
    own = _span(spans.trace, spans.own, spans.parent, f"POST {record.path}", _SERVER)
    admission = _span(spans.trace, _derived(spans.own), spans.own, "admission", _INTERNAL)
    engine = _span(spans.trace, spans.engine, spans.own, "engine", _CLIENT)
    return [
        _over(own, spans.began_ns, end_ns, _of_request(record), failed=failed),
        _over(admission, spans.began_ns, asked_ns, common),
        _over(engine, asked_ns, end_ns, common, failed=failed) | _first_token(record, asked_ns),
    ]


def _span(trace: str, span: str, parent: str | None, name: str, kind: int) -> Json:
    named = {} if parent is None else {"parentSpanId": parent}
    return {"traceId": trace, "spanId": span, **named, "name": name, "kind": kind}


def _over(span: Json, start_ns: int, end_ns: int, about: Json, *, failed: bool = False) -> Json:
    return {
        **span,
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(end_ns),
        "attributes": _attributes(about),
        "status": {"code": _ERROR} if failed else {},
    }


def _of_request(record: Record) -> Json:
    return {
        "http.request.method": "POST",
        "http.route": record.path,
        "url.path": record.path,
        "http.response.status_code": record.status,
        "gen_ai.operation.name": _OPERATIONS.get(record.path),
        "gen_ai.request.model": record.model,
        "gen_ai.usage.input_tokens": record.prompt_tokens,
        "gen_ai.usage.output_tokens": record.completion_tokens,
        "vllm_manager.outcome": record.outcome,
        "vllm_manager.stream": record.stream,
    }


def _first_token(record: Record, asked_ns: int) -> Json:
    if record.first_token_seconds is None:
        return {}
    at_ns = asked_ns + round(record.first_token_seconds * _NANOSECONDS)
    return {"events": [{"timeUnixNano": str(at_ns), "name": "first token"}]}


def _attributes(values: Json) -> list[Json]:
    """Return what is known of `values`; numbers of 64 bits travel as text."""
    return [{"key": k, "value": _value(v)} for k, v in values.items() if v is not None]


def _value(value: object) -> Json:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"stringValue": str(value)}


def _derived(span: str) -> str:
    """Return another id: nobody else is told it, so that it needs no chance of its own."""
    return f"{int(span, 16) ^ 1 or 2:016x}"
