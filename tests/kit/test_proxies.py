"""Proxies: their addresses, and the places that are asked through them."""

import pytest

from vllm_manager.kit.proxies import HttpProxy, is_named
from vllm_manager.settings import PUBLIC_HUB, Settings

CANARY = "canary-0123456789"


def test_an_address_with_credentials_is_read_and_shown_without() -> None:
    proxy = HttpProxy.of("http://ada:pass%3Aw%40rd@proxy.test:3128/")
    assert (proxy.host, proxy.port) == ("proxy.test", 3128)
    assert proxy.authorization == "Basic YWRhOnBhc3M6d0ByZA=="
    assert proxy.url == "http://proxy.test:3128"
    assert "YWRh" not in repr(proxy)


def test_without_credentials_nothing_is_shown_to_it() -> None:
    assert HttpProxy.of("http://[::1]:8080") == HttpProxy("::1", 8080, None)
    assert HttpProxy.of("http://[::1]:8080").url == "http://[::1]:8080"


@pytest.mark.parametrize(
    "url",
    ["", "proxy:3128", "http://proxy", "https://p:1", "socks5://p:1", "http://p:1/x", "http://p:x"],
)
def test_what_is_no_proxy_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="port") as caught:
        HttpProxy.of(url)
    assert not url or url not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "port", "is_it"),
    [
        ("hub.test", 443, True),
        ("HUB.test", 443, True),
        ("hub.test", 80, False),
        ("cdn.hub.test", 443, False),
        ("files.test", 8443, True),
        ("a.example.org", 443, True),
        ("example.org", 443, False),
        ("notexample.org", 443, False),
        ("127.0.0.1", 443, False),
    ],
)
def test_only_named_places_are_asked(host: str, port: int, is_it: bool) -> None:
    assert is_named(host, port, ["hub.test", "files.test:8443", "*.example.org:443"]) is is_it


def test_the_setting_shows_its_credentials_nowhere() -> None:
    told = Settings.model_validate({"hub_proxy": f"http://ada:{CANARY}@proxy.test:3128"})
    assert CANARY not in f"{told!r}{told.model_dump_json()}"
    with pytest.raises(ValueError, match="http://host:port") as caught:
        Settings.model_validate({"hub_proxy": f"ada:{CANARY}@proxy.test:3128"})
    assert CANARY not in str(caught.value)


def test_the_public_hub_s_own_hosts_are_asked_through_it_and_a_mirror_s_only() -> None:
    public = Settings.model_validate({"hub_endpoint": PUBLIC_HUB}).proxied_hub_hosts
    asked = ("huggingface.co", "cdn-lfs.huggingface.co", "cas-bridge.xethub.hf.co")
    assert all(is_named(host, 443, public) for host in asked)
    mirror = {"hub_endpoint": "http://mirror.test:8080", "hub_hosts": "files.test:8443"}
    places = Settings.model_validate(mirror).proxied_hub_hosts
    assert places == ("mirror.test:8080", "files.test:8443")
