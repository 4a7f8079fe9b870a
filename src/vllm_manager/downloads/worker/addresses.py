"""Which addresses may be fetched from: the hub's own and those trusted with it, and the Internet's.

The same rule as for the catalog's calls (`catalog.outbound`), for sockets.
"""

import socket
from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

from vllm_manager.downloads.worker.failures import Failure, TryAgain
from vllm_manager.downloads.worker.wire import broken
from vllm_manager.kit.addresses import is_public

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Addresses:
    """Looks names up once per connection, and connects to what was checked: no rebinding.

    `trusted` are further places (`host:port`) that may lie anywhere, over plain HTTP as well.
    """

    def __init__(self, endpoint: str, trusted: Collection[str] = ()) -> None:
        self._own = {_place(endpoint), *(_place(f"https://{name}") for name in trusted)}

    def resolve(self, scheme: str, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a host that may be connected to.

        Raises:
            TryAgain: the name can't be looked up now.
            Failure: it may not be reached (`address_refused`).
        """
        is_own = (host.lower(), port) in self._own
        if not is_own and scheme != "https":
            raise _refused(f"{host}:{port}", "which is not encrypted")
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise TryAgain(broken(host, error)) from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        allowed = addresses if is_own else [one for one in addresses if is_public(one)]
        if addresses and not allowed:
            raise _refused(f"{host}:{port}", f"which is {addresses[0]}, not on the Internet")
        return allowed


def _place(url: str) -> tuple[str, int | None]:
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS.get(parts.scheme)


def _refused(place: str, why: str) -> Failure:
    return Failure(
        "hub_address_refused",
        f"The hub led to {place}, {why}. Only the configured hub (VLLM_MANAGER_HUB_ENDPOINT) may "
        "lie inside a network. If a mirror keeps its files there, name it in "
        "VLLM_MANAGER_HUB_HOSTS.",
        evidence=f"{place}, {why}",
    )
