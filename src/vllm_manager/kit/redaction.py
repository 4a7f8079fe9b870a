"""Takes secrets out of text before anyone sees it: what looks like a token, and what is one."""

import logging
import re
from collections.abc import Iterable
from typing import Final

_HINTS: Final = (
    "hf_", "api_org_", "vm-", "_session=", "://", "private key", "signature=", "token=", "policy=",
    "bearer", "basic",
)  # fmt: skip
"""One of them stands in all that `_LOOKS` finds, in small letters; most lines have none."""
_LOOKS: Final = (
    # Tokens of Hugging Face, keys and login sessions of ours, what authorization headers carry.
    (re.compile(r"\b(?:hf|api_org)_[A-Za-z0-9]{20,}"), "hf_…"),
    (re.compile(r"\bvm-[\w-]{20,}"), "vm-…"),
    (re.compile(r"(?i)(_session=)[\w.~+/=-]{8,}"), r"\1…"),
    (re.compile(r"(?i)(bearer\s+|basic\s+(?=\S*[\d=]))[\w.~+/=-]{8,}"), r"\1…"),
    # What signed addresses carry, and passwords in addresses.
    (re.compile(r"(?i)([?&](?:x-amz-signature|signature|token|policy)=)[^&\s\"']+"), r"\1…"),
    (re.compile(r"(://[^\s/:@\"']{0,256}:)[^\s/@\"']{1,1024}@"), r"\1…@"),
    (
        re.compile(r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)[\w\s+/=:,\\-]*?(-----END|\Z)"),
        r"\1…\2",
    ),
)


def redact(text: str, secrets: Iterable[str | None] = ()) -> str:
    """Return `text` without the given secrets, and without what looks like one."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "…")
    if not hints_at_secret(text):
        return text
    for pattern, shown in _LOOKS:
        text = pattern.sub(shown, text)
    return text


def hints_at_secret(text: str) -> bool:
    """Tell whether something in `text` may look like a secret; False is certain."""
    small = text.lower()
    return any(hint in small for hint in _HINTS)


class Redacted(logging.Formatter):
    """Gives what another formatter makes of a record, its exception included, redacted."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        return redact(self._inner.format(record))
