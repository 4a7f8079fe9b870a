"""The whole product over TLS: started, asked by its own command line, and as by a browser."""

import json
import ssl
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from support.certificates import Authority
from support.product import NO_RAY, Product, product

pytestmark = pytest.mark.product


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Generator[Product]:
    pair = authority.pair()
    settings = {
        "VLLM_MANAGER_RAY_ADDRESS": NO_RAY,
        "VLLM_MANAGER_DEMO": "false",
        "VLLM_MANAGER_TLS_CERTIFICATE": str(pair.certificate),
        "VLLM_MANAGER_TLS_KEY": str(pair.key),
    }
    with product(tmp_path_factory.mktemp("product") / "home", **settings) as made:
        said = made.up()
        assert f"https://127.0.0.1:{made.port}" in said
        yield made


def administrator(running: Product) -> dict[str, str]:
    return json.loads((running.home / "secrets" / "admin.json").read_text())


def browser(running: Product, authority: Authority) -> httpx.Client:
    trust = ssl.create_default_context(cafile=str(authority.file))
    url = f"https://localhost:{running.port}"
    return httpx.Client(base_url=url, verify=trust, timeout=60, trust_env=False)


def test_its_own_command_line_needs_no_more_settings(running: Product) -> None:
    assert {row["name"] for row in running.json("status")["services"]} >= {"gateway"}
    assert running.cli("ls").returncode == 0


def test_the_command_line_of_another_machine_needs_the_authority(
    running: Product, authority: Authority, tmp_path: Path
) -> None:
    key = administrator(running)["api_key"]
    url = f"https://localhost:{running.port}"
    there = Product(
        tmp_path,
        {
            **running.environment,
            "VLLM_MANAGER_HOME": str(tmp_path),
            "VLLM_MANAGER_URL": url,
            "VLLM_MANAGER_TOKEN": key,
        },
        running.port,
        running.control_port,
        running.ray_port,
    )
    done = there.cli("whoami")
    assert done.returncode == 1
    assert "VLLM_MANAGER_CA_FILE" in done.stderr
    there.environment["VLLM_MANAGER_CA_FILE"] = str(authority.file)
    done = there.cli("whoami")
    assert done.returncode == 0, done.stderr
    assert "admin" in done.stdout


def test_the_doctor_finds_gateway_and_certificate_in_order(running: Product) -> None:
    found = {each["name"]: each for each in running.json("doctor")["findings"]}
    assert found["Gateway"]["ok"], found["Gateway"]
    assert found["Certificate"]["ok"], found["Certificate"]


def test_cookies_are_secure_and_browsers_are_told_to_stay_with_https(
    running: Product, authority: Authority
) -> None:
    admin = administrator(running)
    body = {"username": admin["username"], "password": admin["password"]}
    with browser(running, authority) as client:
        answer = client.post("/api/v1/auth/login", json=body)
        assert answer.status_code == 200, answer.text
        assert "Secure" in answer.headers["set-cookie"]
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        headers = {"x-csrf-token": answer.json()["csrf_token"], "origin": str(client.base_url)}
        invited = client.post("/api/v1/invitations", json={"username": "anna"}, headers=headers)
        assert invited.json()["url"].startswith(f"https://localhost:{running.port}/join#")
