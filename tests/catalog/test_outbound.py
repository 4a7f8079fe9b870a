"""The way out reaches the configured hub and the public Internet, and nothing else."""

from collections.abc import Sequence

import httpx
import pytest

from support.http_server import Exchange, HttpServer
from support.hub import Fault, Hub
from vllm_manager.catalog.outbound import OutboundRefused, client


class Names:
    """A resolver whose answers a test sets; each asked name is noted."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host not in self.answers:
            raise OSError(f"no such host {host}")
        return self.answers[host]


async def test_the_configured_hub_is_reached_wherever_it_is(ready_hub: Hub) -> None:
    async with client(ready_hub.url) as http:
        assert (await http.get("/api/models")).status_code == 200


async def test_another_port_of_the_same_host_is_not_the_hub(ready_hub: Hub) -> None:
    async with client("http://127.0.0.1:1") as http:
        with pytest.raises(OutboundRefused):
            await http.get(f"{ready_hub.url}/api/models")
    assert ready_hub.requests == []


async def test_a_trusted_place_is_reached_too(ready_hub: Hub) -> None:
    async with client("http://127.0.0.1:1", [f"127.0.0.1:{ready_hub.port}"]) as http:
        assert (await http.get(f"{ready_hub.url}/api/models")).status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "https://user:password@hub.test/x",
        "ftp://hub.test/x",
        "http://hub.test/x",
    ],
)
async def test_what_is_no_plain_https_address_is_refused(url: str) -> None:
    names = Names(**{"hub.test": ["93.184.216.34"]})
    async with client("https://other.test", resolve=names) as http:
        with pytest.raises(OutboundRefused):
            await http.get(url)
    assert names.asked == []


async def test_a_redirect_to_another_host_carries_no_token(ready_hub: Hub) -> None:
    async def answer(exchange: Exchange) -> None:
        exchange.reply_json({"seen": exchange.headers.get("authorization")})

    async with HttpServer(answer) as elsewhere:
        ready_hub.faults.add(Fault(redirect_to=f"{elsewhere.url}/x"))
        trusted = [f"127.0.0.1:{elsewhere.port}"]
        headers = {"authorization": "Bearer hf_secret"}
        async with client(ready_hub.url, trusted) as http:
            assert (await http.get("/api/models", headers=headers)).json() == {"seen": None}
    assert ready_hub.requests[0].token == "hf_secret"  # noqa: S105 (made up)


async def test_redirects_in_a_circle_end(ready_hub: Hub) -> None:
    ready_hub.faults.add(Fault(redirect_to=f"{ready_hub.url}/again"))
    async with client(ready_hub.url) as http:
        with pytest.raises(httpx.TooManyRedirects):
            await http.get("/api/models")
    assert len(ready_hub.requests) == 6


async def test_the_next_address_is_tried_where_one_does_not_answer(ready_hub: Hub) -> None:
    names = Names(**{"hub.test": ["127.0.0.2", "127.0.0.1"]})
    async with client(f"http://hub.test:{ready_hub.port}", resolve=names) as http:
        answer = await http.get("/api/models")
    assert answer.status_code == 200
    assert ready_hub.requests[0].headers["host"] == f"hub.test:{ready_hub.port}"


async def test_a_name_nobody_knows_is_no_connection() -> None:
    async with client("https://hub.test", resolve=Names()) as http:
        with pytest.raises(httpx.ConnectError, match="can't be looked up"):
            await http.get("/x")
