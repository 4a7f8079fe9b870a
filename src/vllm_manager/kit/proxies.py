"""An HTTP proxy that a network wants its traffic to pass, and which places are asked through it.

What the proxy makes of a name can't be seen from here, so addresses can't be checked: the names
themselves are.
"""

import base64
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class HttpProxy:
    """Where the proxy is, and the header that it is shown, if any."""

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str) -> "HttpProxy":
        """Read `http://[user:password@]host:port`.

        Raises:
            ValueError: it is no such address. The message repeats nothing of it.
        """
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = parts = None
        if parts is None or not host or port is None or parts.scheme != "http":
            raise ValueError("It must be http://host:port, or http://user:password@host:port.")
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("Nothing may follow the port.")
        return cls(host, port, _basic(parts.username, parts.password))

    @property
    def shown(self) -> str:
        """For people: without credentials."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Its address, without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def is_named(host: str, port: int, places: Collection[str]) -> bool:
    """Whether a place is among `host:port`s; `*.example.org:443` stands for every host below.

    Without a port, 443 is meant.
    """
    return any(_fits(host.lower(), port, place.lower()) for place in places)


def _fits(host: str, port: int, place: str) -> bool:
    parts = urlsplit(f"//{place}")
    wanted = parts.hostname or ""
    if (parts.port or 443) != port:
        return False
    return host.endswith(wanted[1:]) if wanted.startswith("*.") else host == wanted


def _basic(username: str | None, password: str | None) -> str | None:
    if username is None:
        return None
    pair = f"{unquote(username)}:{unquote(password or '')}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"
