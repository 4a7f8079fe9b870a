"""The product as `make up` leaves it: real Ray, real vLLM, the demo model ready."""

import json
from collections.abc import Generator

import pytest

from support.hub import HubProcess, hub_process
from support.hub.models import LLAMA
from support.oidc_provider import CLIENT_ID, OidcProvider, oidc_provider
from support.product import Product, product

LARGE = "acme/large"
SCRIPTED = "acme/scripted"
HUB_TOKEN = "hf_" + "e2e" * 9
CARD = """# Hello
<script>window.wasRun = true</script>
<img src="/none.png" onerror="window.wasRun = true">
[a link](javascript:window.wasRun=true)
"""


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    """A hub on loopback with a repository that takes a moment, and one whose card is malicious."""
    scripted = tmp_path_factory.mktemp("scripted")
    (scripted / "README.md").write_text(CARD)
    (scripted / "config.json").write_text(json.dumps(LLAMA))
    (scripted / "<img src=x onerror=window.wasRun=true>.txt").write_text("A name with markup.")
    folder = ("--folder", f"{SCRIPTED}={scripted}")
    large = ("--large", f"{LARGE}=4*100000000")
    with hub_process(*folder, *large, "--token", f"someone={HUB_TOKEN}") as made:
        yield made


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Generator[OidcProvider]:
    """A provider of logins at another site: browsers see another name than the product's."""
    log = tmp_path_factory.mktemp("company") / "provider.log"
    with oidc_provider(log, host="localhost") as made:
        yield made


@pytest.fixture(scope="session")
def ready(
    tmp_path_factory: pytest.TempPathFactory, hub: HubProcess, company: OidcProvider
) -> Generator[Product]:
    """Started once for all tests of this folder; `up` comes back when the demo model is ready."""
    home = tmp_path_factory.mktemp("product") / "home"
    settings = {
        "VLLM_MANAGER_HUB_ENDPOINT": hub.url,
        "VLLM_MANAGER_OIDC_ISSUER": company.issuer,
        "VLLM_MANAGER_OIDC_CLIENT_ID": CLIENT_ID,
        "VLLM_MANAGER_OIDC_CLIENT_SECRET": "of no use anywhere else",
        "VLLM_MANAGER_OIDC_NAME": "Example Company",
        "VLLM_MANAGER_OIDC_ROLES": '{"everybody": "member"}',
    }
    with product(home, **settings) as made:
        printed = made.up()
        assert "Demo model is ready" in printed
        yield made
