"""The web interface in a real browser: runs the Playwright tests of `tests/browser`."""

import os
import subprocess

import pytest

from bootstrap.node import search_path
from support.hub import HubProcess
from support.oidc_provider import OidcProvider
from support.product import Product
from support.ray_cluster import REPOSITORY

pytestmark = pytest.mark.browser


def test_a_person_logs_in_deploys_watches_chats_and_deletes(
    ready: Product, hub: HubProcess, company: OidcProvider
) -> None:
    environment = {
        **os.environ,
        "PATH": search_path(),
        "BASE_URL": f"http://127.0.0.1:{ready.port}",
        "HUB_URL": hub.url,
        "OIDC_URL": company.issuer,
        "ADMIN_FILE": str(ready.home / "secrets" / "admin.json"),
    }
    done = subprocess.run(
        ["npm", "run", "e2e"],
        cwd=REPOSITORY / "frontend",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
