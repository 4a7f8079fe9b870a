"""Which network addresses are of the public Internet, whatever form they are written in."""

import ipaddress
from ipaddress import IPv4Address, IPv6Address

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
