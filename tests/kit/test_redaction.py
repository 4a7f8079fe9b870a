"""Secrets are taken out of text, whatever they stand in."""

import base64
import io
import logging
import random
import string
import timeit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from vllm_manager.kit.redaction import LineRedactor, Redacted, redact

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
        "X-CSRF-Token: canary0123456789canaryCANARY",
        '{"user": {}, "csrf_token": "canary0123456789-canaryCANARY"}',
        "(b'x-csrf-token', b'canary0123456789-canaryCANARY')",
        "Authorization: Basic canarycanary",
        "{'authorization': 'basic canarycanary'}",
        "https://canary@hub.test/acme",
        "fatal: 'https://canaryCANARYcanary@git.test/x' not found",
        "https://canary:x-oauth-basic@git.test/x",
        "git+ssh://canaryCANARYcanary0123@git.test/x",
    ],
)
def test_what_looks_like_a_token_goes(text: str) -> None:
    assert "canary" not in redact(text).lower()


@pytest.mark.parametrize("before", [r"\n", r"\t", r"\u001b", r"\x1b", "%3D", "%2f", "\x1b[32m"])
@pytest.mark.parametrize("token", [CANARY, "vm-canaryCANARYcanary0123456789abcd"])
def test_a_token_goes_also_right_after_what_was_escaped(before: str, token: str) -> None:
    shown = redact(f'{{"message": "refused{before}{token}"}}')
    assert "canary" not in shown.lower()
    assert shown.startswith(f'{{"message": "refused{before}')


def test_what_is_a_secret_goes_though_it_looks_like_nothing() -> None:
    assert redact("it was swordfish.", ["swordfish", None]) == "it was …."


def test_other_text_stays() -> None:
    text = (
        "acme/hf_model with hf_overrides at https://hub.test:8443/x?limit=3 took 3 s; "
        "a basic understanding of vm-1; ssh://host/a:b, me@host; -----BEGIN CERTIFICATE-----"
    )
    assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "basic JavaScript, basic Qwen3ForCausalLM and basic version=1.2.3 are no credentials",
        "the X-CSRF-Token header is missing (csrf_required)",
        "cloned from ssh://git@git.test/acme and git+https://git.test/acme@main",
        "postgresql://manager@db.test/manager?application_name=a@b",
        "see https://hub.test/acme/model/tree/main?at=a@b#c@d and https://hub.test/@acme",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08",
        "/opt/models/Acme/TinyChat/snapshots/Releases2026/Quantised/Weights/Model00001",
        "Qwen3VLMoeForConditionalGenerationWithMultiTokenPredictionAndSparseAttention",
        "=" * 70,
        "-" * 70,
        "a" * 64,
    ],
)
def test_ordinary_lines_stay(text: str) -> None:
    assert redact(text) == text


def test_basic_credentials_go_though_they_have_neither_digit_nor_padding() -> None:
    chance = random.Random(1)
    for _ in range(500):
        name, password = ("".join(chance.choices(string.printable[:94], k=9)) for _ in range(2))
        encoded = base64.b64encode(f"{name}:{password}x".encode()).decode().rstrip("=")
        assert encoded not in redact(f"proxy said basic {encoded} was refused")


def _private_keys() -> list[str]:
    keys = [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP256R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ]
    shapes = (PrivateFormat.PKCS8, PrivateFormat.OpenSSH)
    return [
        key.private_bytes(Encoding.PEM, shape, NoEncryption()).decode()
        for key in keys
        for shape in shapes
    ]


@pytest.mark.parametrize("prefix", ["", "(EngineCore pid=17) ", "INFO 11-23 10:00:01 [tls.py:3] "])
def test_a_private_key_goes_that_is_printed_line_by_line(prefix: str) -> None:
    for key in _private_keys():
        redacted = LineRedactor()
        lines = key.splitlines()
        shown = [redacted(prefix + line) for line in lines]
        assert shown[1:-1] == [f"{prefix}…" for _ in lines[2:]]
        assert shown[0].startswith(prefix + lines[0])
        assert redacted("Loading the model has done") == "Loading the model has done"


def test_a_whole_line_of_a_private_key_goes_by_itself() -> None:
    for key in _private_keys():
        whole = [line for line in key.splitlines() if len(line) == 64]
        assert [redact(f"(pid=17) {line}") for line in whole] == ["(pid=17) …" for _ in whole]


def test_a_private_key_that_was_torn_off_takes_no_further_lines() -> None:
    redacted = LineRedactor()
    redacted("-----BEGIN PRIVATE KEY-----")
    for number in range(20):
        redacted(f"Step {number} of the start.")
    assert redacted("the word done") == "the word done"


def test_a_line_without_secrets_costs_next_to_nothing() -> None:
    line = "INFO 11-23 10:00:01 [loader.py:123] Loading safetensors checkpoint shards: 50% | 1/2"
    calls = 10_000
    best = min(timeit.repeat(lambda: redact(line), number=calls, repeat=5)) / calls
    assert best <= 10e-6, "on an idle machine it is 1.4 µs"


@pytest.mark.parametrize(
    "piece",
    [
        "vm-",
        "://",
        "://a:",
        "a:b@",
        "bearer ",
        "-----BEGIN PRIVATE KEY-----",
        "hf_",
        "?token=",
        "basic ",
        "csrf_token=",
        "authorization: basic ",
        "https://",
        "aB3+",
    ],
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
