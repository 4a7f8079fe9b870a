"""77. The 11th wrong password in 5 minutes is throttled: per user, per address, over restarts."""

import asyncio
from pathlib import Path

import httpx
import pytest

from fakes.clock import FakeClock
from support.application import ORIGIN, Running, running_in
from support.people import person

pytestmark = pytest.mark.survival


async def attempt(control: Running, username: str, password: str, address: str) -> httpx.Response:
    """Try to log in from an address."""
    transport = httpx.ASGITransport(control.app, client=(address, 40000))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        body = {"username": username, "password": password}
        return await client.post("/api/v1/auth/login", json=body)


async def test_77_per_user_whatever_the_address(tmp_path: Path) -> None:
    async with running_in(tmp_path) as control:
        anna = await person(control, "member", "anna")
        for number in range(10):
            spelling = "anna" if number % 2 else " Anna"
            answer = await attempt(control, spelling, "wrong", f"192.0.2.{number}")
            assert answer.status_code == 401
        answer = await attempt(control, "anna", anna.password, "192.0.2.99")
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
        assert 0 < int(answer.headers["retry-after"]) <= 300
        assert (await attempt(control, "bert", "wrong", "192.0.2.99")).status_code == 401


@pytest.mark.parametrize(
    ("addresses", "neighbour"),
    [
        (["192.0.2.7"] * 11, "192.0.2.8"),
        ([f"2001:db8:1:2::{number:x}" for number in range(1, 12)], "2001:db8:1:3::1"),
    ],
    ids=["IPv4", "IPv6 network"],
)
async def test_77_per_address_whatever_the_name(
    tmp_path: Path, addresses: list[str], neighbour: str
) -> None:
    async with running_in(tmp_path) as control:
        anna = await person(control, "member", "anna")
        statuses = [
            (await attempt(control, f"user-{number}", "wrong", address)).status_code
            for number, address in enumerate(addresses)
        ]
        assert statuses == [401] * 10 + [429]
        answer = await attempt(control, "anna", anna.password, addresses[0])
        assert answer.status_code == 429
        assert (await attempt(control, "anna", anna.password, neighbour)).status_code == 200


async def test_77_a_restart_opens_no_door_and_five_minutes_do(tmp_path: Path) -> None:
    clock = FakeClock()
    async with running_in(tmp_path, clock) as control:
        anna = await person(control, "member", "anna")
        for _ in range(10):
            await attempt(control, "anna", "wrong", "192.0.2.1")
    async with running_in(tmp_path, clock) as control:
        answer = await attempt(control, "anna", anna.password, "192.0.2.2")
        assert answer.status_code == 429
        clock.advance(301)
        answer = await attempt(control, "anna", anna.password, "192.0.2.2")
        assert answer.status_code == 200


async def test_77_a_burst_at_once_gets_no_more_than_ten_tries(tmp_path: Path) -> None:
    async with running_in(tmp_path) as control:
        answers = await asyncio.gather(
            *(attempt(control, "admin", "wrong", "192.0.2.1") for _ in range(25))
        )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [401] * 10 + [429] * 15
