"""HTTP for the fetching threads: kept connections, redirects by hand, only to allowed addresses.

The standard library's client: its `readinto` fills our buffer straight from the socket, without
the interpreter's lock, and that was faster than httpx by a factor (decision 19).
"""

import http.client
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from functools import partial
from urllib.parse import urljoin, urlsplit

from vllm_manager.downloads.worker.failures import Failure, TryAgain
from vllm_manager.downloads.worker.tunnel import Tunnel

_REDIRECTS = 5
_REDIRECT_STATUS = frozenset({301, 302, 303, 307, 308})
_DRAIN_BYTES = 1 << 16

Resolve = Callable[[str, str, int], Sequence[str]]
"""Returns the addresses to connect to for a scheme, host and port; raises Failure if none may."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long each step may take, and how often it is tried. Seconds."""

    connect_seconds: float = 10.0
    answer_seconds: float = 20.0
    read_seconds: float = 8.0
    """Without a byte for this long a connection is replaced."""
    stalled_seconds: float = 5.0
    """Without a byte on any connection for this long the download is shown as stalled."""
    attempts: int = 8
    """Failures in a row, without a byte in between, before a connection gives up."""
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A response whose body is to be read, where it came from, and what the first hop said."""

    response: http.client.HTTPResponse
    url: str
    first: Message
    """Headers of the first hop: the Hub tells a file's ETag and commit before it redirects."""


class Wire:
    """The connections of one thread. `hang_up` may be called from any other."""

    def __init__(self, resolve: Resolve, patience: Patience, tunnel: Tunnel | None = None) -> None:
        """With a `tunnel` nothing is looked up here."""
        self._resolve = resolve
        self._tunnel = tunnel
        self._patience = patience
        self._tls: ssl.SSLContext | None = None
        self._kept: dict[tuple[str, str], http.client.HTTPConnection] = {}

    def get(self, url: str, headers: dict[str, str], token: str | None) -> Answer:
        """Ask for a file, through redirects; the token goes to the host first asked, alone.

        Raises:
            TryAgain: nothing answered in time, or the connection broke.
            Failure: an address that is not allowed, or redirects without end.
        """
        origin = urlsplit(url)[:2]
        first: Message | None = None
        for _ in range(_REDIRECTS + 1):
            mine = urlsplit(url)[:2] == origin
            auth = {"Authorization": f"Bearer {token}"} if token and mine else {}
            response = self._ask(url, {**headers, **auth})
            first = first or response.headers
            location = response.headers.get("Location")
            if response.status not in _REDIRECT_STATUS or location is None:
                return Answer(response, url, first)
            self._finish(url, response)
            url = urljoin(url, location)
        raise Failure("hub_redirects", f"The hub redirects without end, last to {url[:200]}.")

    def drop(self, url: str) -> None:
        """Close the connection that `url` came over: its state is unknown, or it is slow."""
        connection = self._kept.pop(urlsplit(url)[:2], None)
        if connection is not None:
            connection.close()

    def hang_up(self) -> None:
        """Wake a thread that waits for bytes, by ending its connections."""
        for connection in list(self._kept.values()):
            with suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for connection in self._kept.values():
            connection.close()
        self._kept.clear()

    def _ask(self, url: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        parts = urlsplit(url)
        target = parts.path or "/"
        target += f"?{parts.query}" if parts.query else ""
        if self._tunnel is not None:
            target = self._tunnel.target(url) or target
            headers = headers | self._tunnel.headers(url)
        for is_last in (False, True):
            was_kept = parts[:2] in self._kept
            connection = self._connection(url)
            try:
                connection.request("GET", target, headers=_plain(headers))
                response = connection.getresponse()
                if connection.sock is not None:  # None where the answer is the last one over it
                    connection.sock.settimeout(self._patience.read_seconds)
            except (OSError, http.client.HTTPException) as error:
                self.drop(url)
                # A kept connection may have been closed meanwhile; that is no failure yet.
                if is_last or not was_kept or isinstance(error, TimeoutError):
                    raise TryAgain(broken(parts.netloc, error)) from error
            else:
                if self._tunnel is not None and response.status == 407:
                    self.drop(url)
                    raise self._tunnel.refused(407, parts.netloc)
                return response
        raise AssertionError("unreachable")

    def _connection(self, url: str) -> http.client.HTTPConnection:
        parts = urlsplit(url)
        connection = self._kept.get(parts[:2])
        if connection is None or connection.sock is None:
            connection = self._connect(parts.scheme, parts.hostname or "", parts.port)
            self._kept[parts[:2]] = connection
        connection.sock.settimeout(self._patience.answer_seconds)
        return connection

    def _connect(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme not in ("http", "https"):
            raise Failure(
                "hub_address_refused", f"The hub led to a {scheme or 'nameless'} address."
            )
        number = port or (443 if scheme == "https" else 80)
        connection = http.client.HTTPConnection(host, number)
        connection.default_port = 443 if scheme == "https" else 80  # not named in Host
        connection.auto_open = 0  # it would look the name up itself, unchecked
        connection.sock = self._socket(scheme, host, number)
        return connection

    def _socket(self, scheme: str, host: str, port: int) -> socket.socket:
        error: OSError | None = None
        for open_stream in self._ways(scheme, host, port):
            try:
                plain = open_stream()
                return plain if scheme == "http" else self._wrap(plain, host)
            except OSError as problem:
                error = problem
        raise TryAgain(broken(f"{host}:{port}", error or OSError("no address")))

    def _ways(self, scheme: str, host: str, port: int) -> Sequence[Callable[[], socket.socket]]:
        """Return what opens a stream to the place, in order of preference."""
        seconds = self._patience.connect_seconds
        if self._tunnel is not None:
            return [partial(self._tunnel.connect, scheme, host, port, seconds)]
        addresses = self._resolve(scheme, host, port)
        return [partial(_stream, address, port, seconds) for address in addresses]

    def _wrap(self, plain: socket.socket, host: str) -> socket.socket:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        try:
            return self._tls.wrap_socket(plain, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            plain.close()
            raise Failure(
                "hub_certificate",
                f"{host} shows a certificate that this machine does not trust: "
                f"{error.verify_message}. For a mirror with a certificate of your own, name its "
                "authority in SSL_CERT_FILE.",
            ) from error
        except OSError:
            plain.close()
            raise

    def _finish(self, url: str, response: http.client.HTTPResponse) -> None:
        """Read the short body of a redirect, so that the connection can be used again."""
        try:
            if len(response.read(_DRAIN_BYTES)) == _DRAIN_BYTES:
                self.drop(url)
        except (OSError, http.client.HTTPException):
            self.drop(url)


def _stream(address: str, port: int, seconds: float) -> socket.socket:
    stream = socket.create_connection((address, port), seconds)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


def _plain(headers: dict[str, str]) -> dict[str, str]:
    return {"Accept-Encoding": "identity", "User-Agent": "vllm-manager", **headers}


def broken(where: str, error: Exception) -> Failure:
    said = str(error) or type(error).__name__
    return Failure(
        "hub_unreachable",
        f"{where} can't be reached, or broke the connection off: {said}. What has come is kept; "
        "retry when the network is back.",
        retryable=True,
        evidence=said,
        status=503,
    )
