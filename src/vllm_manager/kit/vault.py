"""Secrets at rest: sealed with a key that lies in a file beside the other secrets.

AES-256-GCM; what a secret is for is bound to it, so that one can't be put in another's place.
"""

import base64
import binascii
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vllm_manager.kit.errors import Problem, Remedy
from vllm_manager.kit.secrets import read_or_create

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12
_VERSION: Final = "v1."


class Vault:
    """Seals and opens texts with the key in `path`, which is made (mode 0600) on first use."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def seal(self, text: str, purpose: str) -> str:
        """Return `text` encrypted, as ASCII; the same text never gives the same twice."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher().encrypt(nonce, text.encode(), purpose.encode())
        return _VERSION + base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, sealed: str, purpose: str) -> str:
        """Return what was sealed for `purpose`.

        Raises:
            Problem: it was sealed with another key, or changed.
        """
        from cryptography.exceptions import InvalidTag

        try:
            data = base64.urlsafe_b64decode(sealed.removeprefix(_VERSION))
            nonce, rest = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
            return self._cipher().decrypt(nonce, rest, purpose.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise Problem(
                "vault_locked",
                f"A secret that is kept encrypted can't be read with the key in {self._path}: the "
                "key was replaced, or the database comes from another installation. Put the old "
                "key back, or set the secret anew.",
                status=500,
                remediation=[Remedy(label="Set the token again: `vllm-manager token set`")],
            ) from error

    def _cipher(self) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = read_or_create(self._path)
        return AESGCM(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)))
