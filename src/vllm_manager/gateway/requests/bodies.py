"""Keeps the bodies of one request while somebody debugs, up to a limit each."""

from typing import Final

from vllm_manager.gateway.requests.wire import Bodies
from vllm_manager.kit.redaction import redact

MOST_BYTES: Final = 64 << 10


class Captured:
    """What one request asked, and what was answered so far."""

    __slots__ = ("_is_cut", "_request", "_response", "_room_bytes")

    def __init__(self, request: bytes) -> None:
        self._request = request[:MOST_BYTES]
        self._is_cut = len(request) > MOST_BYTES
        self._response: list[bytes] = []
        self._room_bytes = MOST_BYTES

    def add(self, data: bytes) -> None:
        """Take more of the answer; what is too much is dropped."""
        if len(data) > self._room_bytes:
            data, self._is_cut = data[: self._room_bytes], True
        if data:
            self._response.append(data)
            self._room_bytes -= len(data)

    def redacted(self) -> Bodies:
        """Return both as text, before they leave the worker without what looks like a secret.

        A secret that a stream brings in the pieces of several events looks like none: it stays.
        """
        answer = b"".join(self._response)
        return Bodies(_text(self._request), _text(answer), self._is_cut)


def _text(data: bytes) -> str:
    return redact(data.decode("utf-8", "replace"))
