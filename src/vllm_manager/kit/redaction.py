"""Takes secrets out of text before anyone sees it: what looks like a token, and what is one."""

import base64
import binascii
import json
import logging
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Final
from urllib.parse import quote

_HINTS: Final = (
    "hf_", "api_org_", "vm-", "_session=", "://", "private key", "signature=", "token=", "policy=",
    "bearer", "basic", "authorization", "csrf",
)  # fmt: skip
"""One of them stands in all that `_LOOKS` finds, in small letters; most lines have none."""
_BEGINS: Final = (
    r"(?:(?<![A-Za-z0-9_])|(?<=\\[abfnrtv])|(?<=\\u[0-9a-fA-F]{4})|(?<=\\x[0-9a-fA-F]{2})"
    r"|(?<=%[0-9a-fA-F]{2})|(?<=[\d;\[]m))"
)
"""Where a word may begin: also after an escape of JSON, of Python or of an address, or a colour."""
_LOOKS: Final = (
    # Tokens of Hugging Face, keys and login sessions of ours, what authorization headers carry.
    # What is of this form is no word, whatever stands right before it; of ours that can't be said.
    (re.compile(r"(?:hf|api_org)_[A-Za-z0-9]{20,}"), "hf_…"),
    (re.compile(rf"{_BEGINS}vm-[\w-]{{20,}}"), "vm-…"),
    (re.compile(r"(?i)(_session=)[\w.~+/=-]{8,}"), r"\1…"),
    (re.compile(r"(?i)(csrf[-_]?token[\"']?\s?[:=,]\s?b?[\"']?)[\w.~+/=-]{16,}"), r"\1…"),
    (
        re.compile(
            r"(?i)(authorization[\"']?\s?[:=,]\s?b?[\"']?(?:basic|bearer|token)\s{1,8})[^\s\"',]+"
        ),
        r"\1…",
    ),
    (re.compile(r"(?i)(bearer\s+)[\w.~+/=-]{8,}"), r"\1…"),
    # What signed addresses carry, and what stands before the host of an address: all of it in a
    # web address, where it can only be a credential; the password, or what is too long for a
    # name, in others.
    (re.compile(r"(?i)([?&](?:x-amz-signature|signature|token|policy)=)[^&\s\"']+"), r"\1…"),
    (re.compile(r"(?i)(https?://)[^\s/?#@\"']{1,1024}@"), r"\1…@"),
    (re.compile(r"(://[^\s/:@\"']{0,256}:)[^\s/@\"']{1,1024}@"), r"\1…@"),
    (re.compile(r"(://)[^\s/?#:@\"']{20,1024}@"), r"\1…@"),
    (
        re.compile(r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)[\w\s+/=:,\\-]*?(-----END|\Z)"),
        r"\1…\2",
    ),
)
_BASIC: Final = re.compile(r"(?i)(basic\s+)([A-Za-z0-9+/_-]{4,}={0,2})(?![\w.])")
_KEY_LINE: Final = re.compile(r"(?<![\w+/=.-])[A-Za-z0-9+/]{60,76}={0,2}(?![\w+/=.-])")
"""A line of a private key's body: 64 characters, or OpenSSH's 70."""
_KEY_LINE_LEAST: Final = 60
_KEY_LINE_TURNS: Final = 18
"""Random base64 changes between large letters, small ones and the rest about 40 times in a line;
paths and names do so less often, and hashes have letters of one size."""
_KEY_BEGINS: Final = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----")
_KEY_ENDS: Final = re.compile(r"-----END [A-Z ]{0,40}PRIVATE KEY-----")
_KEY_BODY: Final = re.compile(
    r"(?:^|(?<=[\s\"']))(?:[A-Za-z0-9+/]{4}){0,19}[A-Za-z0-9+/]{2}[A-Za-z0-9+/=]{2}[\"',]*\s*$"
)
_PATIENCE_LINES: Final = 8
"""How many lines between those of a private key may be another's; more, and it was torn off."""


def redact(text: str, secrets: Iterable[str | None] = ()) -> str:
    """Return `text` without the given secrets, and without what looks like one."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "…")
    if " " not in text[-_KEY_LINE_LEAST:] and len(text) >= _KEY_LINE_LEAST:
        text = _KEY_LINE.sub(_without_key_line, text)
    small = text.lower()
    if not any(hint in small for hint in _HINTS):
        return text
    if "basic" in small:
        text = _BASIC.sub(_without_basic, text)
    for pattern, shown in _LOOKS:
        text = pattern.sub(shown, text)
    return text


def forms_of(secrets: Iterable[str], shortest: int = 8) -> list[str]:
    """Return every form in which text may show these secrets, the longest first.

    As it is, each of its lines, and both as they stand in JSON and in an address. What has fewer
    than `shortest` characters is a word, and would tear holes into every line.
    """
    forms: set[str] = set()
    for secret in secrets:
        for text in (secret, *(line.strip() for line in secret.splitlines())):
            if len(text) >= shortest:
                forms |= {text, quote(text), quote(text, safe="")}
                forms |= {
                    json.dumps(text, ensure_ascii=is_ascii)[1:-1] for is_ascii in (False, True)
                }
    return sorted(forms, key=len, reverse=True)


class LineRedactor:
    """Redacts the lines of one text in turn: a private key's body goes, whatever its lines are."""

    def __init__(self) -> None:
        self._patience = 0

    def __call__(self, line: str) -> str:
        """Return `line`, which follows the one given before, redacted."""
        given, line = line, redact(line)
        if _opens_a_key(line):
            self._patience = _PATIENCE_LINES
        elif self._patience and _KEY_ENDS.search(line):
            self._patience = 0
        elif self._patience:
            line = _KEY_BODY.sub("…", line)
            self._patience = self._patience - 1 if line == given else _PATIENCE_LINES
        return line


class Redacted(logging.Formatter):
    """Gives what another formatter makes of a record, its exception included, redacted."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        return redact(self._inner.format(record))


def _opens_a_key(line: str) -> bool:
    if "PRIVATE KEY-" not in line:
        return False
    begins = list(_KEY_BEGINS.finditer(line))
    return bool(begins) and not _KEY_ENDS.search(line, begins[-1].end())


def _without_key_line(found: re.Match[str]) -> str:
    kinds = [letter.isupper() * 2 + letter.isalpha() for letter in found[0]]
    turns = sum(before != after for before, after in pairwise(kinds))
    is_mixed = {1, 3} <= set(kinds) and kinds.count(0) >= 2
    return "…" if is_mixed and turns >= _KEY_LINE_TURNS else found[0]


def _without_basic(found: re.Match[str]) -> str:
    """Take out what is `name:password` in base64; words that follow "basic" stay."""
    try:
        text = base64.b64decode(
            found[2].rstrip("=") + "=" * (-len(found[2].rstrip("=")) % 4), altchars="-_"
        )
    except binascii.Error:
        return found[0]
    is_credential = b":" in text and all(byte >= 0x20 and byte != 0x7F for byte in text)
    return f"{found[1]}…" if is_credential else found[0]
