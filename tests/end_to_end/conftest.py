"""The product as `make up` leaves it: real Ray, real vLLM, the demo model ready."""

import json
from collections.abc import Generator

import pytest

from support.hub import HubProcess, hub_process
from support.hub.models import LLAMA
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
def ready(tmp_path_factory: pytest.TempPathFactory, hub: HubProcess) -> Generator[Product]:
    """Started once for all tests of this folder; `up` comes back when the demo model is ready."""
    home = tmp_path_factory.mktemp("product") / "home"
    with product(home, VLLM_MANAGER_HUB_ENDPOINT=hub.url) as made:
        printed = made.up()
        assert "Demo model is ready" in printed
        yield made
