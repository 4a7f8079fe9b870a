"""Whether something answers HTTP on a local port."""

import contextlib
import http.client


def reachable(host: str) -> str:
    """Return the address on which a server that listens on `host` is reached from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def answers(port: int, path: str, host: str = "127.0.0.1", timeout_seconds: float = 2.0) -> bool:
    """Tell whether any HTTP answer comes: a refusal also proves that the process is at work."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_seconds)
    with contextlib.closing(connection):
        try:
            connection.request("GET", path)
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
    return True
