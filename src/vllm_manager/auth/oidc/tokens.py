"""Checks an ID token: whose signature, for whom, of which login, and whether in time.

OpenID Connect Core 1.0, section 3.1.3.7. joserfc is imported on first use: it brings all of
cryptography, which a start needs not wait for.
"""

import contextlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
"""Signatures with a key that the provider alone has. Neither `none`, nor what a shared secret
makes: a public key must never be taken for one."""
_LEEWAY_SECONDS: Final = 60
_LONGEST_SUBJECT: Final = 255


class TokenRefused(Exception):
    """The ID token does not prove who somebody is; the message says why, for the log."""


class KeyUnknown(TokenRefused):
    """No key that is known fits: the provider may have new ones."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say."""

    issuer: str
    client_id: str
    nonce: str
    now: float
    """Seconds since the epoch."""


def read(token: str, key_set: Mapping[str, Any], expected: Expected) -> Mapping[str, Any]:
    """Return the claims of a token that one of the provider's keys (a JWK set) has signed.

    Raises:
        KeyUnknown: none of the keys is named by the token, or made its signature.
        TokenRefused: it says something else than expected.
    """
    claims = _signed(token, key_set)
    _require(claims, expected)
    return claims


def _signed(token: str, key_set: Mapping[str, Any]) -> Mapping[str, Any]:
    from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
    from joserfc.jwt import decode

    try:
        return decode(token, _keys(key_set), algorithms=list(ALGORITHMS)).claims
    except (BadSignatureError, InvalidKeyIdError) as error:
        raise KeyUnknown(f"No key of the provider made its signature ({error})") from error
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise TokenRefused(f"It can't be read ({error})") from error


def _keys(key_set: Mapping[str, Any]) -> "KeySet":
    """Return the keys that sign. Those for encryption must not verify anything, and a kind of key
    that is new must not hide the others."""
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry, KeySet

    found: list[Any] = []
    for key in cast("list[dict[str, Any]]", key_set["keys"]):
        if key.get("use", "sig") == "sig" and key.get("kty") != "oct":
            with contextlib.suppress(JoseError, ValueError):
                found.append(JWKRegistry.import_key(key))
    if not found:
        raise KeyUnknown("The provider names no key that could sign")
    return KeySet(found)


def _require(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise TokenRefused(f"It was issued by {claims.get('iss')!r}, not by {expected.issuer!r}")
    _require_audience(claims, expected.client_id)
    _require_time(claims, expected.now)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(
        nonce.encode(), expected.nonce.encode()
    ):
        raise TokenRefused("It belongs to another login: its nonce is not the one that was sent")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise TokenRefused("It names no subject of 1 to 255 characters")


def _require_audience(claims: Mapping[str, Any], client_id: str) -> None:
    said = claims.get("aud")
    audience = cast("list[Any]", said) if isinstance(said, list) else [said]
    if client_id not in audience:
        raise TokenRefused(f"It is for {audience}, not for the client {client_id!r}")
    party = claims.get("azp")
    if party != client_id and (party is not None or len(audience) > 1):
        raise TokenRefused(f"It was made for {party!r} (azp), not for the client {client_id!r}")


def _require_time(claims: Mapping[str, Any], now: float) -> None:
    expires, issued = _time(claims, "exp"), _time(claims, "iat")
    if expires is None or issued is None:
        raise TokenRefused("It does not say when it was issued and until when it counts")
    if now >= expires + _LEEWAY_SECONDS:
        raise TokenRefused("It has expired. Do the clocks of both machines agree?")
    if issued > now + _LEEWAY_SECONDS or (_time(claims, "nbf") or 0) > now + _LEEWAY_SECONDS:
        raise TokenRefused("It is from the future. Do the clocks of both machines agree?")


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)
