"""What the fake engine logs of requests, in vLLM's words and within the same bounds."""

import logging
import os
import secrets
import sys

from vllm_manager_engine.request_lines import RequestLines

_PREFIXES = {"/v1/chat/completions": "chatcmpl-", "/v1/completions": "cmpl-"}


class RequestLog:
    """Writes nothing unless `--enable-log-requests` was given."""

    def __init__(self, *, is_on: bool) -> None:
        self._is_on = is_on
        self._logger = logging.Logger("fake", logging.INFO)
        handler = logging.StreamHandler(sys.stderr)
        head = f"(APIServer pid={os.getpid()}) INFO 11-23 10:00:06 [request_logger.py:63] "
        handler.setFormatter(logging.Formatter(head + "%(message)s"))
        self._logger.addHandler(handler)
        self._logger.addFilter(RequestLines())

    def received(self, path: str, headers: dict[bytes, bytes], tokens: int) -> str:
        """Say that a request has come; return the id that it goes by."""
        sent = headers.get(b"x-request-id", b"").decode("latin-1")
        id = _PREFIXES.get(path, "") + (sent or secrets.token_hex(16))
        if self._is_on:
            said = f"SamplingParams(max_tokens={tokens})"
            message = "Received request %s: params: %s, lora_request: %s."
            self._logger.info(message, id, said, None)
        return id

    def aborted(self, id: str) -> None:
        """Say that its client has left."""
        if self._is_on:
            self._logger.info("Request %s aborted.", id)
