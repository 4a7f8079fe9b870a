"""Secrets are taken out of text, whatever they stand in."""

import io
import logging

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
    ],
)
def test_what_looks_like_a_token_goes(text: str) -> None:
    assert "canary" not in redact(text).lower()


def test_what_is_a_secret_goes_though_it_looks_like_nothing() -> None:
    assert redact("it was swordfish.", ["swordfish", None]) == "it was …."


def test_other_text_stays() -> None:
    text = "acme/hf_model with hf_overrides at https://hub.test/x?limit=3 took 3 s"
    assert redact(text) == text


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
