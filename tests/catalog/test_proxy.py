"""The catalog's way to the hub through a company's proxy."""

from pathlib import Path

import httpx
import pytest

from support.hub import Fault, Hub
from support.proxy import Proxy, TlsFront
from vllm_manager.catalog.outbound import OutboundRefused, client
from vllm_manager.kit.proxies import HttpProxy

PLAIN = ["hub.test:80"]


async def nobody(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was looked up though the proxy does that")


async def test_a_hub_that_only_the_proxy_knows_is_reached(ready_hub: Hub) -> None:
    with Proxy({("hub.test", 80): ("127.0.0.1", ready_hub.port)}) as proxy:
        way = HttpProxy.of(proxy.url)
        async with client("http://hub.test", resolve=nobody, proxy=way, proxied=PLAIN) as http:
            assert (await http.get("/api/models")).status_code == 200
    assert proxy.asked == ["GET http://hub.test/api/models HTTP/1.1"]
    assert ready_hub.requests[0].headers["host"] == "hub.test"


async def test_https_goes_through_a_tunnel_to_the_hub_s_own_certificate(
    ready_hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TlsFront("hub.test", ("127.0.0.1", ready_hub.port), tmp_path) as front:
        monkeypatch.setenv("SSL_CERT_FILE", str(front.authority))
        with Proxy({("hub.test", 443): ("127.0.0.1", front.port)}, "ada:secret") as proxy:
            way = HttpProxy.of(f"http://ada:secret@127.0.0.1:{proxy.port}")
            named = ["hub.test:443"]
            async with client("https://hub.test", resolve=nobody, proxy=way, proxied=named) as http:
                answer = await http.get("/api/models", headers={"authorization": "Bearer hf_x"})
    assert answer.status_code == 200
    assert proxy.asked == ["CONNECT hub.test:443 HTTP/1.1"]
    assert "proxy-authorization" not in ready_hub.requests[0].headers


async def test_a_place_that_is_not_named_is_not_asked_for(ready_hub: Hub) -> None:
    names = {("hub.test", 80): ("127.0.0.1", ready_hub.port)}
    names |= {("127.0.0.1", ready_hub.port): ("127.0.0.1", ready_hub.port)}
    ready_hub.faults.add(Fault(redirect_to=f"{ready_hub.url}/inside"))
    with Proxy(names) as proxy:
        way = HttpProxy.of(proxy.url)
        async with client("http://hub.test", proxy=way, proxied=PLAIN) as http:
            with pytest.raises(OutboundRefused, match="through the proxy"):
                await http.get("/api/models")
    assert len(proxy.asked) == len(ready_hub.requests) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_refuses_is_named_without_its_credentials(scheme: str) -> None:
    with Proxy({}, "ada:right") as proxy:
        way = HttpProxy.of(f"http://ada:wrong@127.0.0.1:{proxy.port}")
        named = ["hub.test:80", "hub.test:443"]
        async with client(f"{scheme}://hub.test", proxy=way, proxied=named) as http:
            with pytest.raises(httpx.ProxyError, match=r"407|credentials") as caught:
                await http.get("/x")
    assert f"127.0.0.1:{proxy.port}" in str(caught.value)
    assert "wrong" not in str(caught.value)


async def test_a_proxy_that_is_away_is_named() -> None:
    with Proxy({}) as proxy:
        way = HttpProxy.of(proxy.url)
    async with client("http://hub.test", proxy=way, proxied=PLAIN) as http:
        with pytest.raises(httpx.ProxyError, match="VLLM_MANAGER_HUB_PROXY"):
            await http.get("/x")
