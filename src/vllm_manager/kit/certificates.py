"""A TLS certificate and its key: checked, served, served anew when renewed, and trusted locally.

Standard library alone, but for `expires_at`: the gateway's workers import this.
"""

import contextlib
import ssl
import stat
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

_FOR_OTHERS = stat.S_IRWXO | stat.S_IWGRP
_MISMATCH = "KEY_VALUES_MISMATCH"


class PairRefused(Exception):
    """A certificate and key that can't be served; the message says which, why, and what to do."""


class Pair(NamedTuple):
    """The files: a certificate with the chain behind it, and the key that belongs to it, in PEM."""

    certificate: Path
    key: Path


def server_context(pair: Pair) -> ssl.SSLContext:
    """Return what a server shakes hands with: TLS 1.2 or newer, HTTP/1.1.

    Raises:
        PairRefused: the files can't be served.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    _load(context, pair)
    return context


class Served:
    """A server's context that follows its files: what is renewed counts from the next handshake.

    Connections that are open go on as they are.
    """

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._mark = _mark_of(pair)
        self.context = server_context(pair)

    def is_stale(self) -> bool:
        """Return whether the files are others than those that were looked at last."""
        return _mark_of(self._pair) != self._mark

    def renew(self) -> None:
        """Take the files as they are now; the ones until now stay where these are refused.

        Raises:
            PairRefused: they can't be served, so they may be half-way written. They are not tried
                again before they change once more.
        """
        self._mark = _mark_of(self._pair)
        server_context(self._pair)  # only what is whole may touch the context in use
        _load(self.context, self._pair)


def expires_at(certificate: Path) -> datetime:
    """Return until when the server's own certificate, the first in the file, counts.

    The chain behind it is not looked at: clients find ways round an authority's that has expired.

    Raises:
        PairRefused: it holds no certificate.
    """
    # Imported here: it takes long, and only the command line asks.
    from cryptography import x509

    try:
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
    except OSError as error:
        raise _unreadable("certificate", certificate, error) from error
    except ValueError as error:
        raise _no_pem("certificate", certificate) from error
    return chain[0].not_valid_after_utc


def require_current(pair: Pair, now: datetime) -> None:
    """Refuse a pair that no client would accept any more.

    Raises:
        PairRefused: the certificate has expired.
    """
    until = expires_at(pair.certificate)
    if until <= now:
        raise PairRefused(
            f"The certificate in {pair.certificate} expired on {until:%d %B %Y at %H:%M} UTC: no "
            "client would accept it. Renew it, and put the new one and its key in its place."
        )


def own_trust(certificate: Path) -> ssl.SSLContext:
    """Return what a client on this machine trusts its own server by: that very certificate.

    The server is reached as 127.0.0.1 here, which is no name in its certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    with contextlib.suppress(OSError, ssl.SSLError):  # then it trusts nobody
        context.load_verify_locations(certificate)
    return context


def system_trust(ca_file: Path | None) -> ssl.SSLContext:
    """Return what other servers are trusted by: this machine's authorities, and those in a file.

    Raises:
        PairRefused: the file holds no certificate.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except ssl.SSLError as error:
            raise _no_pem("authority's certificate", ca_file) from error
        except OSError as error:
            raise _unreadable("authority's certificate", ca_file, error) from error
    return context


def _load(context: ssl.SSLContext, pair: Pair) -> None:
    _require_readable("certificate", pair.certificate)
    _require_readable("key", pair.key)
    _require_private(pair.key)
    try:
        context.load_cert_chain(pair.certificate, pair.key, password=_refuse_password)
    except PairRefused:
        raise
    except ssl.SSLError as error:
        raise _refused(pair, error) from error
    except OSError as error:
        raise _unreadable("certificate or key", pair.certificate, error) from error


def _refused(pair: Pair, error: ssl.SSLError) -> PairRefused:
    if error.reason == _MISMATCH:
        return PairRefused(
            f"The key in {pair.key} is not that of the certificate in {pair.certificate}. Put the "
            "two that were made together there. The server's own certificate must come first in "
            "its file, before those of the authorities."
        )
    try:
        expires_at(pair.certificate)
    except PairRefused as refused:
        return refused
    return _no_pem("key", pair.key)


def _refuse_password() -> str:
    raise PairRefused(
        "The key is encrypted, and nobody is there at a start to type its password. Write it "
        "without one (`openssl pkey -in KEY -out NEW`), with mode 0600."
    )


def _require_readable(what: str, path: Path) -> None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise _unreadable(what, path, error) from error


def _require_private(key: Path) -> None:
    mode = stat.S_IMODE(key.stat().st_mode)
    if mode & _FOR_OTHERS:
        raise PairRefused(
            f"The key in {key} has mode {mode:04o}: others than its owner and group may use it, so "
            f"it may be known already. Run `chmod 600 {key}`; if others have access to this "
            "machine, make a new key."
        )


def _unreadable(what: str, path: Path, error: OSError) -> PairRefused:
    return PairRefused(
        f"The {what} in {path} can't be read: {error.strerror}. Name another file, or let the user "
        "that runs vLLM Manager read it."
    )


def _no_pem(what: str, path: Path) -> PairRefused:
    return PairRefused(
        f"There is no {what} in {path} that can be read. It must be in PEM, which begins with "
        "`-----BEGIN`."
    )


def _mark_of(pair: Pair) -> Sequence[tuple[int, int, int] | None]:
    return [_mark(path) for path in pair]


def _mark(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file, or what its links lead to, is written or replaced."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
