"""Whether something answers HTTP on a local port."""

import contextlib
import http.client
import ssl


def reachable(host: str) -> str:
    """Return the address on which a server that listens on `host` is reached from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def answers(
    port: int,
    path: str,
    host: str = "127.0.0.1",
    timeout_seconds: float = 2.0,
    *,
    has_tls: bool = False,
) -> bool:
    """Tell whether any HTTP answer comes: a refusal also proves that the process is at work."""
    connection = _connection(host, port, timeout_seconds, has_tls=has_tls)
    with contextlib.closing(connection):
        try:
            connection.request("GET", path)
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
    return True


def _connection(
    host: str, port: int, timeout_seconds: float, *, has_tls: bool
) -> http.client.HTTPConnection:
    if not has_tls:
        return http.client.HTTPConnection(host, port, timeout=timeout_seconds)
    # Whether it answers must not hang on whether its certificate has expired: it would be started
    # again and again. Nothing secret is sent.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=timeout_seconds, context=context)
