"""Reading a request's body."""

import json
from typing import Any

import pytest

from vllm_manager.gateway.answers import Refusal
from vllm_manager.gateway.payload import Prompt, parse, with_usage

JSON = b"application/json"
CHAT = {"model": "demo", "messages": [{"role": "user", "content": "hé “x”"}], "max_tokens": 5}


def prompt(body: bytes) -> Prompt:
    return parse(body, JSON)


def refusal(body: bytes, content_type: bytes | None = JSON) -> Refusal:
    with pytest.raises(Refusal) as caught:
        parse(body, content_type)
    assert caught.value.status == 400
    return caught.value


@pytest.mark.parametrize(
    "style",
    [{}, {"separators": (",", ":")}, {"indent": 2}, {"ensure_ascii": False}, {"sort_keys": True}],
)
def test_every_usual_way_to_write_json_is_read(style: dict[str, Any]) -> None:
    assert prompt(json.dumps(CHAT, **style).encode()).model == "demo"


@pytest.mark.parametrize("text", [b'"stream": true,', b'"stream":true,'])
def test_a_stream_is_recognised(text: bytes) -> None:
    assert prompt(b"{" + text + b'"model": "demo"}').stream


@pytest.mark.parametrize("value", [b"false", b"null"])
def test_what_is_not_a_stream_is_recognised(value: bytes) -> None:
    assert not prompt(b'{"model": "demo", "stream": ' + value + b"}").stream


@pytest.mark.parametrize("content_type", [b"application/json; charset=utf-8", b"Application/JSON"])
def test_the_content_type_may_have_parameters(content_type: bytes) -> None:
    assert parse(b'{"model":"demo"}', content_type).model == "demo"


@pytest.mark.parametrize("content_type", [None, b"text/plain", b"multipart/form-data"])
def test_another_content_type_is_refused(content_type: bytes | None) -> None:
    assert refusal(b'{"model":"demo"}', content_type).code == "invalid_content_type"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"not json",
        b'{"model": "demo"} trailing',
        b'{"model": "demo", "temperature": NaN}',
        b'{"model": "demo", "temperature": Infinity}',
        b'{"model": "demo", "deep": {"x": [NaN]}}',
        b'{"model": "demo", "x": 01}',
        b"\xef\xbb\xbf{}",
        b'{"model": "demo", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'["model"]',
        b'"model"',
        b"null",
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    assert refusal(body).code == "invalid_json"


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a","model":"b"}',
        b'{"model": "a", "model": "b"}',
        b'{"model":"a","x":1,"x":1}',
        b'{"model": "a", "max_tokens": 1, "max_tokens": 2}',
        b'{\n  "model": "a",\n  "stream": true,\n  "stream": false\n}',
        b'{"model":"a","mod\\u0065l":"b"}',
    ],
)
def test_a_member_that_stands_twice_is_refused(body: bytes) -> None:
    assert "more than once" in refusal(body).message


def test_a_missing_model_is_named() -> None:
    assert refusal(b"{}").param == "model"


@pytest.mark.parametrize("value", [b"5", b"null", b"[]", b'"\\ud800"'])
def test_a_model_that_is_no_text_is_refused(value: bytes) -> None:
    refusal(b'{"model": ' + value + b"}")


def test_a_stream_that_is_neither_true_nor_false_is_refused() -> None:
    assert refusal(b'{"model": "demo", "stream": "yes"}').param == "stream"


def test_usage_is_asked_for_where_the_client_did_not() -> None:
    body = json.dumps({**CHAT, "stream": True}).encode()
    sent, strips = with_usage(body, prompt(body))
    assert strips
    assert json.loads(sent) == {
        **CHAT,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert sent.endswith(body[1:])


@pytest.mark.parametrize("options", [None, {}, {"include_usage": False}, {"include_usage": None}])
def test_usage_is_asked_for_where_the_client_declined(options: object) -> None:
    body = json.dumps({**CHAT, "stream_options": options}).encode()
    sent, strips = with_usage(body, prompt(body))
    assert strips
    assert json.loads(sent) == {**CHAT, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize(
    "options", [{"include_usage": True}, {"include_usage": True, "continuous_usage_stats": True}]
)
def test_a_client_that_asks_for_usage_is_left_alone(options: object) -> None:
    body = json.dumps({**CHAT, "stream_options": options}).encode()
    assert with_usage(body, prompt(body)) == (body, False)


def test_options_of_the_wrong_type_are_left_to_the_engine_to_explain() -> None:
    body = json.dumps({**CHAT, "stream_options": 5}).encode()
    assert with_usage(body, prompt(body)) == (body, False)
