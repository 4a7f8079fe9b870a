"""Which server is asked, and with which key."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from support.ray_cluster import free_ports
from support.rest_server import RestServer
from vllm_manager.cli.main import app
from vllm_manager.kit.errors import Problem


def home_with_administrator(folder: Path) -> Path:
    (folder / "secrets").mkdir(parents=True)
    known = {"username": "admin", "password": "p", "api_key": "vm-of-this-machine"}
    (folder / "secrets" / "admin.json").write_text(json.dumps(known))
    return folder


def test_on_this_machine_the_administrators_key_is_used(server: RestServer, tmp_path: Path) -> None:
    server.answer("GET /api/v1/deployments", {"items": [], "next_cursor": None})
    environment = {
        "VLLM_MANAGER_HOME": str(home_with_administrator(tmp_path)),
        "VLLM_MANAGER_PORT": server.url.rsplit(":", 1)[1],
    }
    assert CliRunner(env=environment).invoke(app, ["ls"]).exit_code == 0
    assert server.calls[0].headers["authorization"] == "Bearer vm-of-this-machine"


def test_a_server_named_by_hand_is_not_given_this_machines_key(
    server: RestServer, tmp_path: Path
) -> None:
    server.answer("GET /api/v1/deployments", {"items": [], "next_cursor": None})
    environment = {"VLLM_MANAGER_HOME": str(home_with_administrator(tmp_path))}
    CliRunner(env=environment).invoke(app, ["ls", "--url", server.url])
    assert "authorization" not in server.calls[0].headers


@pytest.mark.parametrize("host", ["::", "localhost", "127.0.0.2"])
def test_a_proxy_of_the_environment_is_never_shown_this_machines_key(
    server: RestServer, tmp_path: Path, host: str
) -> None:
    (port,) = free_ports(1)
    environment = {
        "VLLM_MANAGER_HOME": str(home_with_administrator(tmp_path)),
        "VLLM_MANAGER_HOST": host,
        "VLLM_MANAGER_PORT": str(port),
        "HTTP_PROXY": server.url,
        "NO_PROXY": "",
    }
    done = CliRunner(env=environment).invoke(app, ["ls"])
    assert isinstance(done.exception, Problem)
    assert done.exception.code == "server_unreachable"
    assert server.calls == []


def test_another_server_is_asked_through_the_proxy_of_the_environment(
    server: RestServer, tmp_path: Path
) -> None:
    environment = {"VLLM_MANAGER_HOME": str(tmp_path), "HTTP_PROXY": server.url, "NO_PROXY": ""}
    CliRunner(env=environment).invoke(app, ["ls", "--url", "http://models.example"])
    assert [call.headers["host"] for call in server.calls] == ["models.example"]
