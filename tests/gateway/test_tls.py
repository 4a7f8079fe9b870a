"""The gateway speaks TLS with the certificate it is given, and takes a renewed one in mid-work."""

import asyncio
import os
import ssl
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from support.certificates import DAY, Authority
from support.control_plane import KEY
from support.gateway import AUTHORIZATION, Gateway, Rig, free_port, rig
from vllm_manager.kit.certificates import Pair

pytestmark = pytest.mark.integration

WITHIN_SECONDS = 120
"""Files are looked at every few seconds; the machine may be slow."""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def pair(authority: Authority) -> Pair:
    return authority.pair()


@pytest.fixture
async def served(tmp_path: Path, pair: Pair) -> AsyncGenerator[Rig]:
    settings: dict[str, Any] = {"tls_certificate": str(pair.certificate), "tls_key": str(pair.key)}
    async with rig(tmp_path, **settings) as made:
        yield made


def visitor(gateway: Gateway, authority: Authority) -> httpx.AsyncClient:
    """Return a client that knows the authority, and checks names."""
    trust = ssl.create_default_context(cafile=str(authority.file))
    return httpx.AsyncClient(base_url=gateway.url, verify=trust, timeout=60, trust_env=False)


def certificate_of(answer: httpx.Response) -> bytes:
    """Return the certificate of the connection that an answer came on."""
    found = answer.extensions["network_stream"].get_extra_info("ssl_object")
    shown = found.getpeercert(binary_form=True)
    assert isinstance(shown, bytes)
    return shown


async def shown(gateway: Gateway, authority: Authority) -> bytes:
    """Return what a new connection is shown."""
    async with visitor(gateway, authority) as client:
        return certificate_of(await client.get("/gateway/healthz"))


def in_file(pair: Pair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())


async def test_the_official_client_streams_over_tls(served: Rig, authority: Authority) -> None:
    trust = ssl.create_default_context(cafile=str(authority.file))
    async with DefaultAsyncHttpxClient(verify=trust) as client:
        openai = AsyncOpenAI(
            api_key=KEY, base_url=f"{served.gateway.url}/v1", http_client=client, max_retries=0
        )
        stream = await openai.chat.completions.create(
            model="demo", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        pieces = [chunk async for chunk in stream]
    assert pieces


async def test_a_connection_has_a_modern_protocol_and_the_certificate(
    served: Rig, authority: Authority, pair: Pair
) -> None:
    async with visitor(served.gateway, authority) as client:
        answer = await client.get("/gateway/healthz")
    connection = answer.extensions["network_stream"].get_extra_info("ssl_object")
    assert connection.version() in ("TLSv1.2", "TLSv1.3")
    assert certificate_of(answer) == in_file(pair)


async def test_who_does_not_know_the_authority_sends_nothing(served: Rig, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "another-authority")
    async with visitor(served.gateway, stranger) as client:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get("/api/v1/auth/me", headers=AUTHORIZATION)
    assert served.control.relayed == []


async def test_plain_http_is_not_answered_on_it(served: Rig) -> None:
    found = await served.raw(b"GET /gateway/healthz HTTP/1.1\r\nhost: test\r\n\r\n")
    assert b"HTTP/" not in found


async def test_the_control_plane_hears_that_it_was_https(served: Rig, authority: Authority) -> None:
    async with visitor(served.gateway, authority) as client:
        answer = await client.get("/api/v1/auth/me")
    assert answer.json()["headers"]["x-forwarded-proto"] == "https"


async def test_a_renewed_certificate_is_served_and_open_connections_go_on(
    served: Rig, authority: Authority, pair: Pair
) -> None:
    before = in_file(pair)
    async with visitor(served.gateway, authority) as client:
        assert certificate_of(await client.get("/gateway/healthz")) == before
        authority.pair()
        after = in_file(pair)
        assert after != before
        async with asyncio.timeout(WITHIN_SECONDS):
            while await shown(served.gateway, authority) != after:
                # The open connection is used all the while, and stays the one it was.
                assert certificate_of(await client.get("/gateway/healthz")) == before
                await asyncio.sleep(0.2)
        answer = await client.get("/api/v1/auth/me")
    assert certificate_of(answer) == before
    assert answer.status_code == 200


async def test_files_that_do_not_fit_are_told_and_the_old_ones_stay(
    served: Rig, authority: Authority, pair: Pair
) -> None:
    before = in_file(pair)
    other = authority.pair("other")
    pair.certificate.write_bytes(other.certificate.read_bytes())  # its key has yet to come
    await served.gateway.when(lambda: "stay unused" in served.gateway.log, WITHIN_SECONDS)
    assert await shown(served.gateway, authority) == before
    pair.key.write_bytes(other.key.read_bytes())
    async with asyncio.timeout(WITHIN_SECONDS):
        while await shown(served.gateway, authority) != in_file(other):  # noqa: ASYNC110
            await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    ("damage", "said"),
    [("expired", "expired"), ("mismatch", "is not that of"), ("exposed", "chmod 600")],
)
async def test_a_pair_that_can_not_be_served_stops_the_start(
    tmp_path: Path, authority: Authority, damage: str, said: str
) -> None:
    pair = authority.pair(ends=(-1 if damage == "expired" else 30) * DAY)
    if damage == "mismatch":
        pair = Pair(pair.certificate, authority.pair("other").key)
    if damage == "exposed":
        pair.key.chmod(0o644)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "vllm_manager.cli",
        "gateway",
        env={
            **os.environ,
            "VLLM_MANAGER_HOME": str(tmp_path / "home"),
            "VLLM_MANAGER_PORT": str(free_port()),
            "VLLM_MANAGER_TLS_CERTIFICATE": str(pair.certificate),
            "VLLM_MANAGER_TLS_KEY": str(pair.key),
            "COLUMNS": "1000",
        },
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(process.communicate(), WITHIN_SECONDS)
    assert process.returncode == 1
    assert said in errors.decode()
