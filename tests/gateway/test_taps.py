"""Reading usage off an answer as it goes by."""

import json

import pytest

from support.upstream import USAGE, WORDS, chunk, completion, sse
from vllm_manager.gateway.taps import BodyTap, EventTap, Usage, about, read_usage

CONTENT = [sse(chunk(word)) for word in WORDS]
USAGE_EVENT = sse(chunk(None, usage=USAGE))
DONE = b"data: [DONE]\n\n"
STREAM = b"".join([*CONTENT, USAGE_EVENT, DONE])


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 128, 10_000])
def test_the_usage_event_is_taken_out_however_the_stream_is_cut(size: int) -> None:
    tap = EventTap(strip=True)
    passed = b"".join(tap.feed(piece) for piece in pieces(STREAM, size)) + tap.finish()
    assert passed == b"".join([*CONTENT, DONE])
    assert tap.usage == Usage(7, 3, None)


@pytest.mark.parametrize("size", [1, 5, 64, 10_000])
def test_a_stream_is_left_as_it_is_where_the_client_asked_for_usage(size: int) -> None:
    tap = EventTap(strip=False)
    assert [tap.feed(piece) for piece in pieces(STREAM, size)] == pieces(STREAM, size)
    assert tap.finish() == b""
    assert tap.usage == Usage(7, 3, None)


def test_a_whole_event_is_passed_on_at_once() -> None:
    tap = EventTap(strip=True)
    assert tap.feed(CONTENT[0]) == CONTENT[0]


def test_an_answer_that_speaks_of_usage_is_not_mistaken_for_it() -> None:
    tap = EventTap(strip=True)
    event = sse(chunk('"choices":[] "usage":{"prompt_tokens":99}'))
    assert tap.feed(event) == event
    assert tap.usage == Usage()


def test_an_event_with_usage_and_content_stays() -> None:
    tap = EventTap(strip=True)
    event = sse(chunk("text", usage=USAGE))
    assert tap.feed(event) == event
    assert tap.usage == Usage(7, 3, None)


def test_an_unfinished_event_is_handed_over_at_the_end() -> None:
    tap = EventTap(strip=True)
    assert tap.feed(b'data: {"usa') == b""
    assert tap.finish() == b'data: {"usa'


def test_an_endless_event_is_let_through() -> None:
    tap = EventTap(strip=True)
    passed = sum(len(tap.feed(b"x" * 65536)) for _ in range(64))
    assert passed >= 3 << 20


def test_usage_that_is_split_between_events_is_put_together() -> None:
    tap = EventTap(strip=False)
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 11}}}
    delta = {"type": "message_delta", "usage": {"output_tokens": 4}}
    tap.feed(b"event: message_start\n" + sse(start))
    tap.feed(b"event: message_delta\n" + sse(delta))
    assert tap.usage == Usage(11, 4, None)


ANTHROPIC = [
    sse({"type": "message_start", "message": {"usage": {"input_tokens": 11, "output_tokens": 0}}}),
    *(sse({"type": "content_block_delta", "delta": {"text": word}}) for word in WORDS * 10),
]
ANTHROPIC_END = sse({"type": "message_delta", "usage": {"input_tokens": 11, "output_tokens": 30}})


def read_so_far(*events: bytes) -> EventTap:
    tap = EventTap(strip=False)
    for event in events:
        tap.feed(event)
    return tap


def test_a_stream_cut_after_its_beginning_is_counted_by_its_events() -> None:
    tap = read_so_far(*ANTHROPIC)
    assert tap.usage == Usage(11, 0, None)
    assert about(tap.usage, tap, 99) == Usage(11, len(ANTHROPIC), None)


@pytest.mark.parametrize(
    ("events", "usage"),
    [
        ([*ANTHROPIC, ANTHROPIC_END], Usage(11, 30, None)),
        ([*CONTENT, CONTENT[0], USAGE_EVENT], Usage(7, 3, None)),
    ],
)
def test_a_stream_cut_after_its_last_usage_is_counted_by_that(
    events: list[bytes], usage: Usage
) -> None:
    tap = read_so_far(*events)
    assert about(tap.usage, tap, 99) == usage


def test_of_a_stream_that_says_nothing_the_prompt_is_what_was_estimated() -> None:
    tap = read_so_far(*CONTENT)
    assert about(tap.usage, tap, 99) == Usage(99, len(CONTENT), None)


def test_anthropic_tells_cached_tokens_beside_those_of_the_prompt() -> None:
    usage = {
        "input_tokens": 5,
        "output_tokens": 9,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
    }
    assert read_usage(sse({"usage": usage})) == Usage(125, 9, 100)
    nulls = {**usage, "cache_read_input_tokens": None, "cache_creation_input_tokens": None}
    assert read_usage(sse({"usage": nulls})) == Usage(5, 9, None)


def test_usage_of_the_responses_api_is_read() -> None:
    usage = {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 2}, "output_tokens": 9}
    assert read_usage(sse({"response": {"usage": usage}})) == Usage(5, 9, 2)


def test_usage_is_read_from_a_whole_answer() -> None:
    assert read_usage(json.dumps(completion()).encode()) == Usage(7, 3, 2)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"usage":null}',
        b'{"usage":{"prompt_tokens":',
        b'{"usage": 5}',
        b'\xff"usage":\xff',
    ],
)
def test_usage_that_is_not_there_is_unknown(data: bytes) -> None:
    assert read_usage(data) is None


def test_figures_that_are_no_counts_are_unknown() -> None:
    assert read_usage(b'{"usage":{"prompt_tokens":-1,"completion_tokens":"x"}}') == Usage()


@pytest.mark.parametrize("first", [True, False])
def test_usage_at_either_end_of_a_long_answer_is_found(*, first: bool) -> None:
    usage, rest = '"usage":{"prompt_tokens":8}', '"results":"' + "x" * 50_000 + '"'
    body = ("{" + (f"{usage},{rest}" if first else f"{rest},{usage}") + "}").encode()
    tap = BodyTap()
    assert b"".join(tap.feed(piece) for piece in pieces(body, 1000)) == body
    assert tap.usage == Usage(8, None, None)
