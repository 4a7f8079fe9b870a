"""78. A known and an unknown user: the same answer, the same work."""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from support.application import Running, running_in
from support.people import person
from vllm_manager.auth.passwords import Passwords

pytestmark = pytest.mark.survival

ROUNDS = 25


async def attempt(control: Running, username: str, address: str) -> httpx.Response:
    transport = httpx.ASGITransport(control.app, client=(address, 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://manager.test") as client:
        body = {"username": username, "password": "wrong"}
        return await client.post("/api/v1/auth/login", json=body)


async def test_78_every_wrong_login_is_answered_alike(tmp_path: Path) -> None:
    async with running_in(tmp_path) as control:
        gone = await person(control, "member", "gone")
        await control.client.post(f"/api/v1/users/{gone.id}/disable", headers=control.bearer)
        for path, body in (
            ("users", {"username": "robot", "kind": "service"}),
            ("invitations", {"username": "invited"}),
        ):
            await control.client.post(f"/api/v1/{path}", json=body, headers=control.bearer)
        told: set[str] = set()
        names = ("admin", "gone", "robot", "invited", "nobody", "' OR 1=1 --")
        for number, name in enumerate(names):
            answer = await attempt(control, name, f"192.0.2.{number}")
            problem = answer.json()
            problem.pop("request_id")
            headers = {k: v for k, v in answer.headers.items() if k != "x-request-id"}
            told.add(f"{answer.status_code} {problem} {headers}")
    assert len(told) == 1


async def test_78_known_and_unknown_names_take_the_same_time_within_noise() -> None:
    """Medians of many, in alternation, so that a loaded machine slows both alike.

    Without equal work the unknown name would be answered in a hundredth of the time.
    """
    passwords = Passwords()
    hashed = await passwords.hash("the right one")
    await passwords.verify(None, "warm")
    known: list[float] = []
    unknown: list[float] = []
    for _ in range(ROUNDS):
        for found, stored in ((known, hashed), (unknown, None)):
            started = time.process_time()
            assert not await passwords.verify(stored, "wrong")
            found.append(time.process_time() - started)
    assert _ratio(known, unknown) < 3


def _ratio(one: Sequence[float], other: Sequence[float]) -> float:
    low, high = sorted((statistics.median(one), statistics.median(other)))
    return high / low
