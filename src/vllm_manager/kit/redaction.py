"""Takes secrets out of text before anyone sees it: what looks like a token, and what is one."""

import logging
import re
from collections.abc import Iterable
from typing import Final

# Hugging Face tokens, bearer headers, and what signed addresses carry.
_LOOKS: Final = (
    (re.compile(r"\b(?:hf|api_org)_[A-Za-z0-9]{20,}"), "hf_…"),
    (re.compile(r"(?i)(bearer\s+)[\w.~+/=-]{8,}"), r"\1…"),
    (re.compile(r"(?i)([?&](?:x-amz-signature|signature|token|policy)=)[^&\s\"']+"), r"\1…"),
)


def redact(text: str, secrets: Iterable[str | None] = ()) -> str:
    """Return `text` without the given secrets, and without what looks like one."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "…")
    for pattern, shown in _LOOKS:
        text = pattern.sub(shown, text)
    return text


class Redacted(logging.Formatter):
    """Gives what another formatter makes of a record, its exception included, redacted."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        return redact(self._inner.format(record))
