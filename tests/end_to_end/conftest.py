"""The product as `make up` leaves it: real Ray, real vLLM, the demo model ready."""

from collections.abc import Generator

import pytest

from support.hub import HubProcess, hub_process
from support.product import Product, product

LARGE = "acme/large"
HUB_TOKEN = "hf_" + "e2e" * 9


@pytest.fixture(scope="session")
def hub() -> Generator[HubProcess]:
    """A model hub on loopback, with a repository that takes a moment to download."""
    words = ("--large", f"{LARGE}=4*100000000", "--token", f"someone={HUB_TOKEN}")
    with hub_process(*words) as made:
        yield made


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory, hub: HubProcess) -> Generator[Product]:
    """Started once for all tests of this folder; `up` comes back when the demo model is ready."""
    home = tmp_path_factory.mktemp("product") / "home"
    with product(home, VLLM_MANAGER_HUB_ENDPOINT=hub.url) as made:
        printed = made.up()
        assert "Demo model is ready" in printed
        yield made
