"""A real OpenID Connect provider (oidc-provider-mock, on Authlib) as a process on loopback."""

import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from support.ray_cluster import free_ports, wait_until

_START_SECONDS = 120.0
CLIENT_ID = "vllm-manager"


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """Where it is. Its people are whoever tests say they are."""

    issuer: str
    process: subprocess.Popen[bytes]

    def knows(self, subject: str, **claims: Any) -> None:
        """Make a person, or change what is said of them."""
        httpx.put(f"{self.issuer}/users/{subject}", json=claims).raise_for_status()

    def log_in(self, address: str, subject: str) -> dict[str, str]:
        """Log in as a browser that was sent to `address`; return what it is sent back with."""
        answer = httpx.post(address, data={"sub": subject})
        assert answer.status_code == 302, answer.text
        return parameters(answer.headers["location"])

    def refuse(self, address: str) -> dict[str, str]:
        """Press “deny” at `address`; return what the browser is sent back with."""
        answer = httpx.post(address, data={"action": "deny"})
        assert answer.status_code == 302, answer.text
        return parameters(answer.headers["location"])

    def settings(self, **more: Any) -> dict[str, Any]:
        """Return the product's settings for logins here."""
        return {
            "oidc_issuer": self.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": "of no use anywhere else",
            **more,
        }

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def parameters(address: str) -> dict[str, str]:
    """Return what stands behind the `?` of an address."""
    return dict(parse_qsl(urlsplit(address).query))


def changed(address: str, changes: Mapping[str, str]) -> str:
    """Return `address` with some of its parameters changed."""
    parts = urlsplit(address)
    return parts._replace(query=urlencode({**dict(parse_qsl(parts.query)), **changes})).geturl()


@contextmanager
def oidc_provider(
    log: Path, host: str = "127.0.0.1", program: str = "oidc_provider_mock"
) -> Generator[OidcProvider]:
    """Run one. It calls itself by `host`, which must lead to loopback."""
    [port] = free_ports(1)
    issuer = f"http://{host}:{port}"
    command = [sys.executable, "-m", program, "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, cwd=Path(__file__).parent.parent
        )
    provider = OidcProvider(issuer, process)
    try:
        wait_until(lambda: _answers(issuer), _START_SECONDS, f"a provider, see {log}")
        yield provider
    finally:
        provider.end()


def _answers(issuer: str) -> bool:
    try:
        return httpx.get(f"{issuer}/.well-known/openid-configuration").status_code == 200
    except httpx.HTTPError:
        return False
