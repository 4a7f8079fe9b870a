"""Reads of a request's JSON what the gateway must know, and asks the engine to report usage."""

import json
from collections.abc import Mapping
from typing import NamedTuple, cast

import msgspec

from vllm_manager.gateway.answers import Refusal

_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder = msgspec.json.Encoder()

_WITH_USAGE = msgspec.Raw(b'{"include_usage":true}')
_TRUE = b"true"
_CHECKED_BYTES = 1 << 20  # the slow look for repeated members would hold up others on more
_FALSY = (b"false", b"null", b"")


class Prompt(NamedTuple):
    """What a request says about itself."""

    model: str
    stream: bool
    fields: Mapping[str, msgspec.Raw]
    """The members of the body, each with its own bytes."""


def parse(body: bytes, content_type: bytes | None) -> Prompt:
    """Return what `body` asks for.

    Raises:
        Refusal: 400, with the reason and what to do.
    """
    if content_type is None or not _is_json(content_type):
        sent = "none" if content_type is None else content_type.decode("latin-1")[:100]
        message = f"The body must be JSON with “Content-Type: application/json”; it was: {sent}."
        raise Refusal(400, "invalid_content_type", message)
    fields = _fields(body)
    stream = bytes(fields.get("stream", b""))
    if stream != _TRUE and stream not in _FALSY:
        message = "“stream” must be true or false."
        raise Refusal(400, "invalid_value", message, param="stream")
    return Prompt(_model_name(fields), stream == _TRUE, fields)


def with_usage(body: bytes, prompt: Prompt) -> tuple[bytes, bool]:
    """Return the body to send for a stream, and whether usage was asked for on our own account.

    Then the client did not want the chunk with the usage, and must not get it.
    """
    options = prompt.fields.get("stream_options")
    if options is None:
        start = body.index(b"{") + 1
        return b'{"stream_options":{"include_usage":true},' + body[start:], True
    try:
        wanted: object = msgspec.json.decode(options)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return body, False
    if wanted is not None and not isinstance(wanted, dict):
        return body, False  # the engine explains what is wrong with it
    if wanted and cast("dict[str, object]", wanted).get("include_usage") is True:
        return body, False
    return _encoder.encode({**prompt.fields, "stream_options": _WITH_USAGE}), True


def _is_json(content_type: bytes) -> bool:
    return content_type.partition(b";")[0].strip().lower() == b"application/json"


def _fields(body: bytes) -> dict[str, msgspec.Raw]:
    try:
        fields = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Refusal(400, "invalid_json", "The body must be a JSON object.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, "invalid_json", f"The body is not valid JSON: {error}") from error
    except RecursionError as error:
        message = "The body is nested too deeply to be a request."
        raise Refusal(400, "invalid_json", message) from error
    if len(body) <= _CHECKED_BYTES and not _adds_up(body, fields):
        _refuse_repeated_names(body)
    return fields


def _model_name(fields: Mapping[str, msgspec.Raw]) -> str:
    raw = fields.get("model")
    if raw is None:
        message = "The body names no model. Set “model” to one of those that GET /v1/models lists."
        raise Refusal(400, "missing_model", message, param="model")
    try:
        name = msgspec.json.decode(raw, type=str)
        name.encode()
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Refusal(400, "invalid_value", "“model” must be a string.", param="model") from error
    return name


def _adds_up(body: bytes, fields: Mapping[str, msgspec.Raw]) -> bool:
    """Return True where every byte of `body` is accounted for by distinct members.

    A repeated member leaves a rest. Only the two usual ways to write JSON (no spaces; one after
    each colon and comma) are recognised here, since this runs on each request.
    """
    count = len(fields)
    rest = len(body) - 2 * count - sum(map(len, fields))
    for raw in fields.values():
        rest -= memoryview(raw).nbytes
    first = next(iter(fields), "")
    is_spaced = body[len(first) + 4 : len(first) + 5] == b" "
    return rest == (4 * count if is_spaced else 2 * count + 1)


def _refuse_repeated_names(body: bytes) -> None:
    try:
        json.loads(body, object_pairs_hook=_without_repeats)
    except RecursionError as error:
        message = "The body is nested too deeply to be a request."
        raise Refusal(400, "invalid_json", message) from error
    except ValueError as error:
        raise Refusal(400, "invalid_json", f"The body is not valid JSON: {error}") from error


def _without_repeats(pairs: list[tuple[str, object]]) -> None:
    names: set[str] = set()
    for name, _ in pairs:
        if name in names:
            message = f"“{name[:60]}” stands more than once in the same object."
            raise Refusal(400, "invalid_json", message, param=name[:60])
        names.add(name)
