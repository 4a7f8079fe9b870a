"""Secrets are taken out of text, whatever they stand in."""

import io
import logging
import timeit

import pytest

from vllm_manager.kit.redaction import Redacted, redact

CANARY = "hf_canaryCANARYcanary0123456789abcd"


@pytest.mark.parametrize(
    "text",
    [
        f"token {CANARY} refused",
        f"Authorization: Bearer {CANARY}",
        f'{{"authorization": "bearer {CANARY}"}}',
        f"https://cdn.test/file?X-Amz-Signature={CANARY}&x=1",
        f"https://hub.test/x?token={CANARY}",
        "the key vm-canaryCANARYcanary0123456789abcd is unknown",
        "Cookie: theme=dark; vllm_manager_session=canary0123456789-canary; other=1",
        "Set-Cookie: vllm_manager_session=canary0123456789-canary; HttpOnly",
        "Authorization: Basic Y2FuYXJ5OmNhbmFyeQ==canary1",
        "postgresql://manager:canary@db.test/manager",
        "http://:canary@proxy.test:3128",
        "-----BEGIN RSA PRIVATE KEY-----\ncanarycanary\ncanary/+=\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\\ncanarycanary\\ncanary",
    ],
)
def test_what_looks_like_a_token_goes(text: str) -> None:
    assert "canary" not in redact(text).lower()


def test_what_is_a_secret_goes_though_it_looks_like_nothing() -> None:
    assert redact("it was swordfish.", ["swordfish", None]) == "it was …."


def test_other_text_stays() -> None:
    text = (
        "acme/hf_model with hf_overrides at https://hub.test:8443/x?limit=3 took 3 s; "
        "a basic understanding of vm-1; ssh://host/a:b, me@host; -----BEGIN CERTIFICATE-----"
    )
    assert redact(text) == text


@pytest.mark.parametrize(
    "piece",
    ["vm-", "://", "://a:", "a:b@", "bearer ", "-----BEGIN PRIVATE KEY-----", "hf_", "?token="],
)
def test_a_long_line_made_to_be_slow_is_not(piece: str) -> None:
    lines = [piece * (length // len(piece)) for length in (20_000, 200_000)]
    seconds = [
        min(timeit.repeat(lambda line=line: redact(line), number=1, repeat=3)) for line in lines
    ]
    assert seconds[1] <= 100 * seconds[0] + 1


def test_a_log_redacts_exceptions_too() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Redacted(logging.Formatter("%(levelname)s %(message)s")))
    log = logging.Logger("test")
    log.addHandler(handler)
    try:
        raise ValueError(f"no {CANARY}")
    except ValueError:
        log.exception("failed with %s", CANARY)
    assert "ValueError" in stream.getvalue()
    assert CANARY not in stream.getvalue()
