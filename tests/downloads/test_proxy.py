"""Files fetched through a company's proxy."""

from pathlib import Path

import psutil
import pytest

from downloads.room import downloads_in
from support.hub import Fault, Hub, large
from support.proxy import Proxy, TlsFront
from vllm_manager.downloads.schemas import Download

PASSWORD = "canary-0123456789"  # noqa: S105 (made up)


class NamedHub(Hub):
    """A hub that is known by a name which only the proxy can look up."""

    name: str | None = None

    @property
    def url(self) -> str:
        return self.name or super().url


def refused(download: Download, code: str) -> str:
    assert download.error is not None
    assert download.error.code == code
    return download.error.detail


async def test_a_model_comes_through_the_proxy_and_its_password_goes_nowhere_else(
    tmp_path: Path,
) -> None:
    with NamedHub([large(8 << 20)], network=None) as hub:
        hub.name = "http://hub.test"
        with Proxy({("hub.test", 80): ("127.0.0.1", hub.port)}, f"ada:{PASSWORD}") as proxy:
            way = f"http://ada:{PASSWORD}@127.0.0.1:{proxy.port}"
            async with downloads_in(tmp_path, hub, hub_endpoint=hub.url, hub_proxy=way) as room:
                await room.wait_for(await room.pull("acme/large"), "succeeded")
                process = psutil.Process(room.downloads.link.pid)
                seen = " ".join([*process.cmdline(), *process.environ().values()])
    assert PASSWORD not in seen
    assert all(line.startswith("GET http://hub.test/acme/large/resolve/") for line in proxy.asked)
    assert all(not r.headers.get("proxy-authorization") for r in hub.requests)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []


async def test_https_is_fetched_through_a_tunnel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        NamedHub([large(4 << 20)], network=None) as hub,
        TlsFront("hub.test", ("127.0.0.1", hub.port), tmp_path) as front,
        Proxy({("hub.test", 443): ("127.0.0.1", front.port)}) as proxy,
    ):
        hub.name = "https://hub.test"
        monkeypatch.setenv("SSL_CERT_FILE", str(front.authority))
        home = tmp_path / "home"
        home.mkdir()
        async with downloads_in(home, hub, hub_endpoint=hub.url, hub_proxy=proxy.url) as room:
            await room.wait_for(await room.pull("acme/large"), "succeeded")
    assert set(proxy.asked) == {"CONNECT hub.test:443 HTTP/1.1"}


async def test_a_place_that_nobody_named_is_not_asked_for_through_the_proxy(tmp_path: Path) -> None:
    with NamedHub([large(1 << 20)], network=None) as hub, Hub() as inside:
        hub.name = "http://hub.test"
        hub.faults.add(Fault("*/resolve/*", redirect_to=f"{inside.url}/secret"))
        names = {("hub.test", 80): ("127.0.0.1", hub.port)}
        names |= {("127.0.0.1", inside.port): ("127.0.0.1", inside.port)}
        with Proxy(names) as proxy:
            async with downloads_in(
                tmp_path, hub, hub_endpoint=hub.url, hub_proxy=proxy.url
            ) as room:
                failed = await room.wait_for(await room.pull("acme/large"), "failed")
        assert inside.requests == []
    assert "VLLM_MANAGER_HUB_HOSTS" in refused(failed, "hub_address_refused")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_wants_other_credentials_says_so(tmp_path: Path, scheme: str) -> None:
    with NamedHub([large(1 << 20)], network=None) as hub, Proxy({}, "ada:right") as proxy:
        hub.name = f"{scheme}://hub.test"
        way = f"http://ada:{PASSWORD}@127.0.0.1:{proxy.port}"
        async with downloads_in(tmp_path, hub, hub_endpoint=hub.url, hub_proxy=way) as room:
            failed = await room.wait_for(await room.pull("acme/large"), "failed")
    detail = refused(failed, "hub_proxy_refused")
    assert f"127.0.0.1:{proxy.port}" in detail
    assert PASSWORD not in failed.model_dump_json()
