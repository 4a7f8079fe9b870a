"""The product as `make up` leaves it: real Ray, real vLLM, the demo model ready."""

from collections.abc import Generator

import pytest

from support.product import Product, product


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Generator[Product]:
    """Started once for all tests of this folder; `up` comes back when the demo model is ready."""
    with product(tmp_path_factory.mktemp("product") / "home") as made:
        printed = made.up()
        assert "Demo model is ready" in printed
        yield made
