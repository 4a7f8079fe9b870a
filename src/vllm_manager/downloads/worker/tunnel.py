"""Connections through the network's HTTP proxy: a tunnel for HTTPS, forwarding for plain HTTP."""

import socket
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from vllm_manager.downloads.worker.failures import Failure, TryAgain
from vllm_manager.kit.proxies import HttpProxy, is_named

_HEAD_BYTES = 16 << 10


@dataclass(frozen=True, slots=True)
class Tunnel:
    """Reaches the places that may be asked through the proxy, and no others.

    `places` are `host:port`, as `kit.proxies.is_named` reads them.
    """

    proxy: HttpProxy
    places: Collection[str]

    def connect(self, scheme: str, host: str, port: int, seconds: float) -> socket.socket:
        """Return a stream to the place, before TLS; for plain HTTP, one to the proxy.

        Raises:
            Failure: the place may not be asked (`hub_address_refused`), or the proxy does not let
                it be (`hub_proxy_refused`).
            TryAgain: the proxy can't be reached now, or can't reach the place.
        """
        if not is_named(host, port, self.places):
            raise _not_named(f"{host}:{port}")
        try:
            stream = socket.create_connection((self.proxy.host, self.proxy.port), seconds)
        except OSError as error:
            raise TryAgain(self._broken(f"can't be reached: {error}")) from error
        try:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if scheme == "https":
                self._open(stream, host, port)
        except OSError as error:
            stream.close()
            raise TryAgain(self._broken(f"broke the connection off: {error}")) from error
        except BaseException:
            stream.close()
            raise
        return stream

    def target(self, url: str) -> str | None:
        """Return what stands for `url` in a request to the proxy; None inside a tunnel."""
        parts = urlsplit(url)
        return parts._replace(fragment="").geturl() if parts.scheme == "http" else None

    def headers(self, url: str) -> dict[str, str]:
        """Return what the proxy is shown with a forwarded request."""
        told = self.proxy.authorization
        return {"Proxy-Authorization": told} if told and self.target(url) else {}

    def refused(self, status: int, place: str) -> Failure:
        """Return what is told of a proxy that does not let a place be asked."""
        why = "wants other credentials" if status in (401, 407) else f"does not allow {place}"
        return Failure(
            "hub_proxy_refused",
            f"The proxy {self.proxy.shown} {why} (it answered {status}). Put them into "
            "VLLM_MANAGER_HUB_PROXY, or have the host allowed by those who run the proxy.",
            evidence=f"{place}: {status}",
            status=502,
        )

    def _open(self, stream: socket.socket, host: str, port: int) -> None:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
        if self.proxy.authorization:
            lines.append(f"Proxy-Authorization: {self.proxy.authorization}")
        stream.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
        head = b""
        while not head.endswith(b"\r\n\r\n"):  # the place speaks only after we do
            data = stream.recv(4096)
            if not data or len(head) + len(data) > _HEAD_BYTES:
                raise OSError("it ended in the middle of its answer")
            head += data
        self._judge(head.partition(b"\r\n")[0].decode("latin-1"), place)

    def _judge(self, first_line: str, place: str) -> None:
        status = 0
        with suppress(IndexError, ValueError):
            status = int(first_line.split(" ")[1])
        if 200 <= status < 300:
            return
        if status in (401, 403, 405, 407):
            raise self.refused(status, place)
        raise TryAgain(self._broken(f"did not reach {place}: it answered “{first_line[:100]}”"))

    def _broken(self, what: str) -> Failure:
        return Failure(
            "hub_unreachable",
            f"The proxy {self.proxy.shown} {what}. What has come is kept; retry when it is back, "
            "and check VLLM_MANAGER_HUB_PROXY.",
            retryable=True,
            evidence=what,
            status=503,
        )


def _not_named(place: str) -> Failure:
    return Failure(
        "hub_address_refused",
        f"The hub led to {place}, which is not to be asked through the proxy: where the proxy "
        "would go for it can't be checked here. If files are kept there, name it in "
        "VLLM_MANAGER_HUB_HOSTS.",
        evidence=place,
    )
