"""Network addresses: which are of the public Internet, which lie in a network, whose they are."""

import ipaddress
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import SplitResult, urlsplit

Network = IPv4Network | IPv6Network

_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.ip_network("::/96")


def is_public(address: str) -> bool:
    """Return whether an IP address, as `getaddrinfo` gives it, is one of the public Internet.

    It isn't for loopback, private, link-local, shared, multicast, reserved and unspecified
    addresses, nor for an IPv6 address that carries an IPv4 address which is not public
    (mapped, compatible, 6to4, Teredo, NAT64). What is no address at all is not public.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return _is_public(parsed) and all(_is_public(inner) for inner in _carried(parsed))


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    refused = (
        address.is_multicast,
        address.is_reserved and not _is_nat64(address),
        address.is_loopback,
        address.is_link_local,
        address.is_unspecified,
    )
    return address.is_global and not any(refused)


def _is_nat64(address: IPv4Address | IPv6Address) -> bool:
    return isinstance(address, IPv6Address) and address in _NAT64


def _carried(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address leads to."""
    if isinstance(address, IPv4Address):
        return []
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or address in _IPV4_COMPATIBLE:
        found.append(low)
    return [inner for inner in found if inner is not None]


def is_confidential(url: str) -> bool:
    """Return whether nobody on the way reads what is sent to `url`: HTTPS, or this machine."""
    parts = _parts(url)
    if parts is None or not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)


def is_of_this_machine(url: str) -> bool:
    """Return whether the host in `url` is this machine itself: loopback, or its name."""
    parts = _parts(url)
    host = "" if parts is None else parts.hostname or ""
    parsed = _parsed(host)
    return host in _LOCAL if parsed is None else parsed.is_loopback


def _parts(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks in CIDR form (`10.0.0.0/8`; an address alone is a network of one).

    Raises:
        ValueError: one of them is no network; the message names it.
    """
    return tuple(ipaddress.ip_network(text.strip(), strict=False) for text in texts)


def is_within(address: str, allowed: Sequence[Network]) -> bool:
    """Return whether `address` lies in one of the networks; what is no address lies in none.

    An IPv4 address that is written as IPv6 (`::ffff:192.0.2.1`) counts as the IPv4 address.
    """
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in allowed)


def client_address(peer: str, forwarded_for: str, proxies: Sequence[Network]) -> str:
    """Return whose request it is that came from `peer` with this `X-Forwarded-For`.

    Each proxy appends the address that it saw. So the list is read from its end, and only as long
    as those who wrote it are trusted; anything further left may be made up by the client. A zone
    (`fe80::1%eth0`) means something to who wrote it alone, and is left out.
    """
    address = peer
    for said in reversed([part.strip() for part in forwarded_for.split(",")]):
        if not is_within(address, proxies) or _parsed(said) is None:
            break
        address = said.partition("%")[0]
    return address


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return mapped or parsed
