"""A small HTTP proxy on loopback, as a company has one, and a TLS server in front of another."""

import base64
import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Place = tuple[str, int]


class Listener:
    """Takes connections on loopback, each in a thread of its own; ends them all at the end."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(30)

    def _accept(self) -> None:
        while True:
            try:
                stream, _ = self._socket.accept()
            except OSError:
                return
            self._open.add(stream)
            self._start(lambda one=stream: self._guarded(one))

    def _guarded(self, stream: socket.socket) -> None:
        with stream, suppress(OSError):
            self._serve(stream)
        self._open.discard(stream)

    def _start(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def join_ways(self, first: socket.socket, second: socket.socket) -> None:
        """Carry bytes both ways until one side ends."""
        self._open.add(second)
        back = threading.Thread(target=_carry, args=(second, first), daemon=True)
        back.start()
        _carry(first, second)
        back.join(30)
        self._open.discard(second)


class Proxy(Listener):
    """Tunnels CONNECT and forwards absolute addresses; knows names that nobody else does.

    `names` says where a place really is. With `credentials` (`user:password`) it wants to see them.
    """

    def __init__(self, names: Mapping[Place, Place], credentials: str | None = None) -> None:
        super().__init__(self._talk)
        self._names = names
        self._wanted = (
            f"Basic {base64.b64encode(credentials.encode()).decode()}" if credentials else None
        )
        self.asked: list[str] = []
        """The first line of each request."""
        self.told: list[str | None] = []
        """The credentials that each request showed."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _talk(self, stream: socket.socket) -> None:
        while head := _read_head(stream):
            line, *rest = head.decode("latin-1").split("\r\n")
            headers = dict(one.split(": ", 1) for one in rest if ": " in one)
            lower = {name.lower(): value for name, value in headers.items()}
            self.asked.append(line)
            self.told.append(lower.get("proxy-authorization"))
            if self._wanted not in (None, self.told[-1]):
                stream.sendall(_answer("407 Proxy Authentication Required"))
                continue
            method, target, _ = line.split(" ")
            if method == "CONNECT":
                self._tunnel(stream, target)
                return
            self._forward(stream, line, target, rest)
            return

    def _tunnel(self, stream: socket.socket, target: str) -> None:
        host, _, port = target.rpartition(":")
        place = self._names.get((host, int(port)))
        if place is None:
            stream.sendall(_answer("403 Forbidden"))
            return
        with socket.create_connection(place, 30) as upstream:
            stream.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self.join_ways(stream, upstream)

    def _forward(self, stream: socket.socket, line: str, target: str, rest: list[str]) -> None:
        parts = urlsplit(target)
        place = self._names.get((parts.hostname or "", parts.port or 80))
        if place is None:
            stream.sendall(_answer("502 Bad Gateway"))
            return
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        kept = [one for one in rest if not one.lower().startswith(("proxy-", "connection:"))]
        head = [line.replace(target, path), "connection: close", *[one for one in kept if one]]
        with socket.create_connection(place, 30) as upstream:
            upstream.sendall(("\r\n".join(head) + "\r\n\r\n").encode("latin-1"))
            self._open.add(upstream)
            _carry(upstream, stream)  # one way: the next request is not the upstream's to see
            self._open.discard(upstream)


class TlsFront(Listener):
    """Ends TLS for `host` and carries the rest to `upstream`. `authority` is the file to trust."""

    def __init__(self, host: str, upstream: Place, folder: Path) -> None:
        super().__init__(self._serve_tls)
        self._upstream = upstream
        self.authority = folder / "authority.pem"
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(*_certificate(host, self.authority, folder / "key.pem"))

    def _serve_tls(self, stream: socket.socket) -> None:
        with (
            self._tls.wrap_socket(stream, server_side=True) as plain,
            socket.create_connection(self._upstream, 30) as upstream,
        ):
            self.join_ways(plain, upstream)


def _certificate(host: str, chain: Path, key_path: Path) -> tuple[Path, Path]:
    """Write a certificate of its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=2))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain, key_path


def _read_head(stream: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        data = stream.recv(1)  # nothing beyond the head may be taken
        if not data:
            return b""
        head += data
    return head


def _answer(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n".encode()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
