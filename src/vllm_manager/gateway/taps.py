"""Watches an answer go by: reads its usage, and takes out the chunk that only we asked for."""

import json
import re
from typing import Any, NamedTuple, cast

_HEAD_BYTES = 4096
_TAIL_BYTES = 8192
_USAGE_BYTES = 4096  # longest usage object that is looked at
_CARRY_BYTES = 1 << 20  # an unfinished event longer than this is let through unseen
_END = b"\n\n"

_json_decoder = json.JSONDecoder()
_USAGE = re.compile(r'"usage"\s*:\s*(?=\{)')
_BESIDE_INPUT = ("cache_read_input_tokens", "cache_creation_input_tokens")
_FINAL = re.compile(
    rb'"choices"\s*:\s*\[\s*\]'
    rb'|"type"\s*:\s*"(?:message_delta|response\.(?:completed|incomplete|failed))"'
)
"""The events whose usage is that of the whole answer, in OpenAI's and in Anthropic's words."""
_NO_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')


class Usage(NamedTuple):
    """What an engine counted; None where it did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None


UNKNOWN = Usage()


def read_usage(data: bytes) -> Usage | None:
    """Return the last usage object in `data`, in OpenAI's, the responses' or Anthropic's words."""
    at = data.rfind(b'"usage"')
    if at < 0:
        return None
    text = data[at : at + _USAGE_BYTES].decode("utf-8", "replace")
    match = _USAGE.match(text)
    if match is None:
        return None
    try:
        found, _ = _json_decoder.raw_decode(text, match.end())
    except ValueError:
        return None
    return _usage_of(cast("dict[str, Any]", found))


def _usage_of(found: dict[str, Any]) -> Usage:
    """Anthropic tells what was read from a cache, or written to one, beside `input_tokens`."""
    details = found.get("prompt_tokens_details") or found.get("input_tokens_details")
    cached = cast("dict[str, Any]", details).get("cached_tokens") if details else None
    prompt = _count(found.get("prompt_tokens", found.get("input_tokens")))
    if prompt is not None:
        prompt += sum(_count(found.get(name)) or 0 for name in _BESIDE_INPUT)
    return Usage(
        prompt,
        _count(found.get("completion_tokens", found.get("output_tokens"))),
        _count(found.get("cache_read_input_tokens") if cached is None else cached),
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


class BodyTap:
    """Watches a JSON answer: its usage stands near its end, or (rerank, score) near its start."""

    def __init__(self) -> None:
        self._head = b""
        self._tail = b""

    def feed(self, data: bytes) -> bytes:
        """Take what came; return what goes on to the client: the same."""
        if len(self._head) < _HEAD_BYTES:
            self._head += data[: _HEAD_BYTES - len(self._head)]
        self._tail = data[-_TAIL_BYTES:] if len(data) >= _TAIL_BYTES else self._joined(data)
        return data

    def finish(self) -> bytes:
        return b""

    @property
    def usage(self) -> Usage:
        return read_usage(self._tail) or read_usage(self._head) or UNKNOWN

    def _joined(self, data: bytes) -> bytes:
        return (self._tail + data)[-_TAIL_BYTES:]


def about(usage: Usage, tap: "BodyTap | EventTap | None", prompt_tokens: int) -> Usage:
    """Return about what an answer has cost that was cut short.

    A stream says at its beginning how long the prompt is, and that nothing is made yet: until it
    says how much in the end, its events tell more. `prompt_tokens`: what stands for the prompt
    where nothing is known of it.
    """
    made = tap.events if isinstance(tap, EventTap) and not tap.has_final_usage else 0
    prompt = prompt_tokens if usage.prompt_tokens is None else usage.prompt_tokens
    return Usage(prompt, max(usage.completion_tokens or 0, made), usage.cached_tokens)


class EventTap:
    """Watches server-sent events. `strip`: the event that holds nothing but usage is taken out."""

    def __init__(self, *, strip: bool) -> None:
        self._strip = strip
        self.events = 0
        """Events that went by: about as many as tokens, where nothing says how many."""
        self._carry = b""
        self._first = b""
        self._last = b""

    def feed(self, data: bytes) -> bytes:
        """Take what came; return what goes on to the client."""
        self.events += data.count(_END)
        if not self._carry and data.endswith(_END) and b'"usage"' not in data:
            return data
        seen = self._carry + data
        end = seen.rfind(_END)
        end = end + len(_END) if end >= 0 else 0
        events, self._carry = seen[:end], seen[end:]
        kept = self._sift(events) if b'"usage"' in events else events
        if len(self._carry) > _CARRY_BYTES:
            kept, self._carry = kept + self._carry, b""
        return kept if self._strip else data

    def finish(self) -> bytes:
        """Return what was held back as the beginning of an event that never ended."""
        rest, self._carry = self._carry, b""
        return rest if self._strip else b""

    @property
    def usage(self) -> Usage:
        """What the last event with usage says, completed by the first (Anthropic splits it)."""
        first, last = read_usage(self._first) or UNKNOWN, read_usage(self._last) or UNKNOWN
        return Usage(*(a if b is None else b for a, b in zip(first, last, strict=True)))

    @property
    def has_final_usage(self) -> bool:
        """Whether what `usage` says is of the whole answer: nothing comes after it."""
        return _FINAL.search(self._last) is not None and read_usage(self._last) is not None

    def _sift(self, events: bytes) -> bytes:
        kept: list[bytes] = []
        for event in events.split(_END)[:-1]:
            if b'"usage"' in event:
                self._first, self._last = self._first or event, event
                if self._strip and _NO_CHOICES.search(event):
                    continue
            kept.append(event + _END)
        return b"".join(kept)
