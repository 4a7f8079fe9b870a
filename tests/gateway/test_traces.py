"""Which trace a request belongs to, and what its spans say (pure)."""

import re
from typing import Any

import pytest

from vllm_manager.gateway.journal import Record
from vllm_manager.gateway.otlp import spans_of
from vllm_manager.gateway.traces import NO_TRACE, Ended, Spans, Tracer

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SENT = f"00-{TRACE}-{SPAN}-01".encode()
UNSAMPLED = f"00-{TRACE}-{SPAN}-00".encode()
STATE = b"congo=t61rcWkgMzE"
NS = 1_000_000_000


def record(**more: Any) -> Record:
    values: dict[str, Any] = {
        "at": 0.0,
        "key": "key_1",
        "user": "usr_1",
        "model": "demo",
        "path": "/v1/chat/completions",
        "status": 200,
        "stream": True,
        "prompt_tokens": 7,
        "completion_tokens": 3,
        "cached_tokens": None,
        "seconds": 2.0,
        "first_token_seconds": 0.5,
        "outcome": "ok",
    }
    return Record(**values | more)


def begun(tracer: Tracer) -> Spans:
    spans = tracer.begin({b"traceparent": SENT}).spans
    assert spans is not None
    return spans


def test_with_traces_off_a_caller_s_headers_are_passed_on_as_they_are() -> None:
    off = Tracer(None)
    assert off.begin({}) is NO_TRACE
    passed = off.begin({b"traceparent": SENT, b"tracestate": STATE})
    assert passed == (b"traceparent: %b\r\ntracestate: %b\r\n" % (SENT, STATE), None)
    assert not off.is_on


def test_a_caller_s_trace_goes_on_and_the_engine_s_parent_is_our_span() -> None:
    trace = Tracer(0.0).begin({b"traceparent": SENT, b"tracestate": STATE})
    spans = trace.spans
    assert spans is not None
    assert (spans.trace, spans.parent) == (TRACE, SPAN)
    told = f"traceparent: 00-{TRACE}-{spans.engine}-01\r\ntracestate: {STATE.decode()}\r\n"
    assert trace.headers.decode() == told
    assert len({spans.own, spans.engine, SPAN}) == 3


def test_a_caller_who_decided_against_it_is_not_traced() -> None:
    trace = Tracer(1.0).begin({b"traceparent": UNSAMPLED})
    assert trace == (b"traceparent: %b\r\n" % UNSAMPLED, None)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"00",
        b"ff-" + SENT[3:],
        b"00-" + b"0" * 32 + b"-" + SPAN.encode() + b"-01",
        b"00-" + TRACE.encode() + b"-" + b"0" * 16 + b"-01",
        SENT.upper(),
        SENT + b"-more",
        b"00-" + b"g" * 32 + b"-" + SPAN.encode() + b"-01",
    ],
)
def test_what_is_no_traceparent_begins_a_new_trace_and_is_passed_on_to_nobody(sent: bytes) -> None:
    headers = {b"traceparent": sent, b"tracestate": STATE}
    assert Tracer(None).begin(headers) is NO_TRACE
    trace = Tracer(1.0).begin(headers)
    assert trace.spans is not None
    assert trace.spans.parent is None
    assert trace.spans.trace != TRACE
    assert b"tracestate" not in trace.headers


def test_of_the_others_a_share_is_traced_and_engines_are_told_which() -> None:
    tracer = Tracer(0.25)
    traces = [tracer.begin({}) for _ in range(4000)]
    sampled = [trace for trace in traces if trace.spans]
    assert 800 < len(sampled) < 1200
    form = re.compile(rb"traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-(0[01])\r\n")
    flags = [match[1] for trace in traces if (match := form.fullmatch(trace.headers))]
    assert flags.count(b"01") == len(sampled)
    assert len(flags) == 4000


def test_what_waits_is_bounded_and_what_is_lost_is_counted() -> None:
    tracer = Tracer(1.0)
    spans = begun(tracer)
    for _ in range(2050):
        tracer.ended(spans, record())
    assert tracer.dropped == 2
    batch = tracer.take(100)
    assert len(batch) == 100
    for _ in range(60):
        tracer.ended(spans, record(status=500))
    tracer.give_back(batch)
    assert tracer.dropped == 2 + 60
    assert [ended.record.status for ended in tracer.take(5000)].count(200) == 2048 - 60


def test_a_request_has_three_spans_with_times_that_fit() -> None:
    spans = Spans(TRACE, SPAN, "a" * 16, "b" * 16, 1000 * NS, 0.0)
    own, admission, engine = spans_of(Ended(spans, 2.25, record()))
    assert [s["name"] for s in (own, admission, engine)] == [
        "POST /v1/chat/completions",
        "admission",
        "engine",
    ]
    assert [s.get("parentSpanId") for s in (own, admission, engine)] == [SPAN, "a" * 16, "a" * 16]
    assert (own["startTimeUnixNano"], own["endTimeUnixNano"]) == (
        str(1000 * NS),
        str(1000 * NS + 2_250_000_000),
    )
    asked = str(1000 * NS + 250_000_000)
    assert admission["endTimeUnixNano"] == engine["startTimeUnixNano"] == asked
    assert engine["events"] == [
        {"timeUnixNano": str(1000 * NS + 750_000_000), "name": "first token"}
    ]
    assert own["status"] == {}


def test_a_failure_is_marked_and_who_asked_is_not_told() -> None:
    spans = Spans(TRACE, None, "a" * 16, "b" * 16, 0, 0.0)
    told = spans_of(Ended(spans, 1.0, record(status=503, first_token_seconds=None)))
    assert [span["status"] for span in told] == [{"code": 2}, {}, {"code": 2}]
    assert "parentSpanId" not in told[0]
    assert "key_1" not in str(told)
    assert "usr_1" not in str(told)
