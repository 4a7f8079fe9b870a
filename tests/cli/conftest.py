"""A server that answers what a test tells it to, and the command line pointed at it."""

from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from support.rest_server import RestServer, rest_server
from vllm_manager.cli.main import app

Run = Callable[..., Result]


@pytest.fixture
def server() -> Generator[RestServer]:
    with rest_server() as made:
        yield made


@pytest.fixture
def run(server: RestServer, tmp_path: Path) -> Run:
    """Run one verb against the server; a problem stands in the result's `exception`."""
    environment = {
        "VLLM_MANAGER_URL": server.url,
        "VLLM_MANAGER_TOKEN": "vm-key",
        "VLLM_MANAGER_HOME": str(tmp_path / "home"),
    }

    def run_verb(*words: str, typed: str | None = None) -> Result:
        return CliRunner(env=environment).invoke(app, list(words), input=typed)

    return run_verb
