"""Fixtures of the tests of single sign-on: a real provider, and the application that trusts it."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from support.application import Running, running_in
from support.oidc_provider import OidcProvider, oidc_provider

ROLES = {"ml-admins": "administrator", "ml-ops": "operator", "everybody": "member"}


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Generator[OidcProvider]:
    with oidc_provider(tmp_path_factory.mktemp("oidc") / "provider.log") as provider:
        yield provider


@pytest.fixture
async def control(tmp_path: Path, provider: OidcProvider) -> AsyncGenerator[Running]:
    async with running_in(tmp_path, **provider.settings(oidc_roles=ROLES)) as control:
        yield control
