"""Which addresses may be fetched from: the hub's own, and the public Internet's."""

import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from vllm_manager.downloads.worker.failures import Failure, TryAgain
from vllm_manager.downloads.worker.wire import broken

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Addresses:
    """Looks names up once per connection, and connects to what was checked: no rebinding."""

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self._own = (parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme))

    def resolve(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a host.

        Raises:
            TryAgain: the name can't be looked up now.
            Failure: an address is not public, and the host is not the configured hub.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise TryAgain(broken(host, error)) from error
        addresses = [str(entry[4][0]) for entry in found]
        if (host, port) != self._own:
            for address in addresses:
                _refuse_private(host, port, address)
        return addresses


def _refuse_private(host: str, port: int, address: str) -> None:
    if not ipaddress.ip_address(address.partition("%")[0]).is_global:
        raise Failure(
            "address_refused",
            f"The hub led to {host}:{port}, which is {address}: an address inside a network, not "
            "on the Internet. Only the configured hub (VLLM_MANAGER_HUB_ENDPOINT) may be there.",
            evidence=f"{host}:{port} is {address}",
        )
