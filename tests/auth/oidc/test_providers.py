"""Providers differ: some tell groups at their userinfo endpoint alone, all change their keys."""

import secrets
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from fakes.clock import FakeClock
from support.application import Running, running_in
from support.oidc_provider import OidcProvider, oidc_provider
from support.proxy import Listener, Place
from support.sign_on import sign_on, who

pytestmark = pytest.mark.integration

THIN = "support.oidc_provider_thin"
ROLES: dict[str, Any] = {"oidc_roles": {"ml-ops": "operator"}}


class Door(Listener):
    """Leads to one provider, or to another in its place: both then call themselves by its port."""

    def __init__(self, upstream: Place) -> None:
        super().__init__(self._carry)
        self.upstream = upstream

    def _carry(self, stream: socket.socket) -> None:
        with stream, socket.create_connection(self.upstream, 30) as upstream:
            self.join_ways(stream, upstream)


def place_of(provider: OidcProvider) -> Place:
    return "127.0.0.1", urlsplit(provider.issuer).port or 0


async def status_of(control: Running, provider: OidcProvider, subject: str) -> int:
    return (await sign_on(control, provider, subject)).status_code


async def test_groups_may_come_from_userinfo_alone(tmp_path: Path) -> None:
    name = f"dora-{secrets.token_hex(4)}"
    with oidc_provider(tmp_path / "provider.log", program=THIN) as provider:
        provider.knows("dora", groups=["ml-ops"], preferred_username=name)
        provider.knows("emil", groups=["others"])
        async with running_in(tmp_path, **provider.settings(**ROLES)) as control:
            dora = await who(control, await sign_on(control, provider, "dora"))
            assert (dora["username"], dora["role"]) == (name, "operator")
            assert await status_of(control, provider, "emil") == 403


async def test_new_keys_of_the_provider_are_read_when_they_are_used_once_a_minute_at_most(
    tmp_path: Path,
) -> None:
    # Tokens count for an hour: ours is ahead, so that none is from its future on a slow machine.
    clock = FakeClock(datetime.now(UTC) + timedelta(minutes=20))
    with (
        oidc_provider(tmp_path / "one.log") as one,
        oidc_provider(tmp_path / "two.log") as two,
        Door(place_of(one)) as door,
    ):
        provider = OidcProvider(f"http://127.0.0.1:{door.port}", one.process)
        async with running_in(
            tmp_path, clock, **provider.settings(oidc_default_role="member")
        ) as control:
            assert await status_of(control, provider, "dora") == 200
            door.upstream = place_of(two)
            assert await status_of(control, provider, "dora") == 403, "too early to look again"
            clock.advance(61)
            assert await status_of(control, provider, "dora") == 200
