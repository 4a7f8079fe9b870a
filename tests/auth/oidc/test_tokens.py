"""An ID token counts where signature, issuer, audience, nonce and times are right; else never."""

import time
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jwt import encode

from vllm_manager.auth.oidc.tokens import Expected, KeyUnknown, TokenRefused, read

NOW = time.time()
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec-1"})
STRANGER = RSAKey.generate_key(2048, {"kid": "rsa-1"})
KEYS: Mapping[str, Any] = {"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]}
EXPECTED = Expected("https://login.example.org", "vllm-manager", "nonce-1", NOW)
CLAIMS: dict[str, Any] = {
    "iss": "https://login.example.org",
    "sub": "1234",
    "aud": "vllm-manager",
    "exp": NOW + 300,
    "iat": NOW,
    "nonce": "nonce-1",
}


def token(key: Any = RSA, alg: str = "RS256", kid: str | None = "rsa-1", **claims: Any) -> str:
    header = {"alg": alg} | ({"kid": kid} if kid else {})
    said = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not ...}
    return encode(header, said, key, algorithms=[alg])


@pytest.mark.parametrize(
    "signed",
    [
        token(),
        token(alg="PS256"),
        token(EC, "ES256", "ec-1"),
        token(aud=["vllm-manager"]),
        token(aud=["vllm-manager", "another"], azp="vllm-manager"),
        token(exp=NOW - 30, iat=NOW + 30),
    ],
)
def test_a_token_that_is_right_is_read(signed: str) -> None:
    assert read(signed, KEYS, EXPECTED)["sub"] == "1234"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.test"},
        {"iss": "https://login.example.org/"},
        {"iss": ...},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": []},
        {"aud": ...},
        {"aud": ["vllm-manager", "another"]},
        {"aud": ["vllm-manager", "another"], "azp": "another"},
        {"azp": "another"},
        {"exp": NOW - 61},
        {"exp": ...},
        {"exp": "never"},
        {"exp": True},
        {"iat": NOW + 61},
        {"iat": ...},
        {"nbf": NOW + 61},
        {"nonce": "nonce-2"},
        {"nonce": ...},
        {"nonce": 7},
        {"sub": ""},
        {"sub": ...},
        {"sub": 7},
        {"sub": "x" * 256},
    ],
)
def test_a_token_that_says_something_else_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused):
        read(token(**claims), KEYS, EXPECTED)


def test_a_stranger_s_signature_is_refused() -> None:
    for signed in (token(STRANGER), token(STRANGER, kid=None), token(STRANGER, kid="new")):
        with pytest.raises(KeyUnknown):
            read(signed, KEYS, EXPECTED)


def test_a_changed_token_is_refused() -> None:
    head, _, signature = token().split(".")
    other = token(sub="somebody-else").split(".")[1]
    with pytest.raises(TokenRefused):
        read(f"{head}.{other}.{signature}", KEYS, EXPECTED)


def test_neither_no_signature_nor_one_by_a_shared_secret_counts() -> None:
    none = f"{token(alg='RS256').split('.')[1]}"
    with pytest.raises(TokenRefused):
        read(f"eyJhbGciOiJub25lIn0.{none}.", KEYS, EXPECTED)
    public = OctKey.import_key(RSA.as_pem(private=False).decode().replace("-----", "_"))
    for secret in (public, OctKey.import_key("a secret that both know, long enough")):
        with pytest.raises(TokenRefused):
            read(token(secret, "HS256"), {"keys": [*KEYS["keys"], secret.as_dict()]}, EXPECTED)


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "x" * 10_000, "ü.ü.ü", "e30.e30.e30"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(TokenRefused):
        read(text, KEYS, EXPECTED)


def test_keys_of_other_kinds_hide_none_and_those_for_encryption_verify_nothing() -> None:
    odd = [{"kty": "NEW", "kid": "x"}, {"kty": "RSA"}, {"kty": "oct", "k": "YQ", "kid": "rsa-1"}]
    assert read(token(), {"keys": [*odd, *KEYS["keys"]]}, EXPECTED)
    only = {**RSA.as_dict(private=False), "use": "enc"}
    with pytest.raises(KeyUnknown):
        read(token(), {"keys": [only]}, EXPECTED)
