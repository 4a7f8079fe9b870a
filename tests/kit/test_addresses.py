"""Which addresses are of the public Internet, and whose requests are."""

import pytest

from vllm_manager.kit.addresses import client_address, is_of_this_machine, is_public, networks


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "93.184.216.34", "2606:4700::6810:84e5", "64:ff9b::808:808", "2002:808:808::1"],
)
def test_public_ones(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001:0:0:0:0:0:80ff:fffe",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "ff02::1",
        "hub.test",
        "",
    ],
)
def test_others(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "expected"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9, nonsense", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("::1", "2001:db8::7", "2001:db8::7"),
    ],
)
def test_a_client_is_believed_only_as_far_as_trusted_proxies_wrote_it(
    peer: str, forwarded_for: str, expected: str
) -> None:
    proxies = networks(["127.0.0.1", "::1", "10.0.0.0/8"])
    assert client_address(peer, forwarded_for, proxies) == expected


def test_a_zone_is_left_out_however_long_it_is() -> None:
    proxies = networks(["10.0.0.0/8"])
    assert client_address("10.0.0.1", "fe80::1%" + "x" * 600, proxies) == "fe80::1"


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        networks(["10.0.0.0/8", "nonsense"])


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1", True),
        ("127.0.0.2", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("[::1]", True),
        ("[::ffff:127.0.0.1]", True),
        ("127.0.0.1.example.org", False),
        ("user:127.0.0.1@example.org", False),
        ("192.168.1.5", False),
    ],
)
def test_a_host_is_of_this_machine_by_what_it_is_not_by_what_stands_in_it(
    host: str, ours: bool
) -> None:
    assert is_of_this_machine(f"http://{host}:8800/127.0.0.1") is ours
