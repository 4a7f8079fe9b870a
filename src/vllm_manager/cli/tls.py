"""TLS on the command line: our own certificate checked before a start, and whom a client trusts."""

import ssl
from datetime import UTC, datetime

from vllm_manager.kit.certificates import (
    PairRefused,
    own_trust,
    require_current,
    server_context,
    system_trust,
)
from vllm_manager.kit.errors import Problem, Remedy
from vllm_manager.settings import Settings


def local_url(settings: Settings) -> str:
    """Return the address of this machine's gateway."""
    scheme = "http" if settings.tls is None else "https"
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    return f"{scheme}://{host}:{settings.port}"


def check_certificate(settings: Settings) -> None:
    """See that the certificate and its key, if there is to be TLS, can be served.

    Raises:
        Problem: `tls_unusable`; the detail says which file, why, and what to do.
    """
    if settings.tls is None:
        return
    try:
        server_context(settings.tls)
        require_current(settings.tls, datetime.now(UTC))
    except PairRefused as refused:
        raise _unusable(refused, "VLLM_MANAGER_TLS_CERTIFICATE, VLLM_MANAGER_TLS_KEY") from refused


def trust_in(url: str, settings: Settings) -> ssl.SSLContext | bool:
    """Return what a server must prove itself by: ours by its very certificate, others as usual.

    Raises:
        Problem: `tls_unusable`, where VLLM_MANAGER_CA_FILE holds no certificate.
    """
    if not url.startswith("https:"):
        return True
    if settings.tls is not None and url == local_url(settings):
        return own_trust(settings.tls.certificate)
    try:
        return system_trust(settings.ca_file)
    except PairRefused as refused:
        raise _unusable(refused, "VLLM_MANAGER_CA_FILE") from refused


def distrusted(url: str, why: str) -> Problem:
    """Return the problem for a server whose certificate is not accepted."""
    return Problem(
        "server_distrusted",
        f"{url} can't prove that it is this server, so nothing was sent to it: {why}.",
        status=503,
        remediation=[
            Remedy(
                label="A certificate of your company's own authority: name the authority's file "
                "with VLLM_MANAGER_CA_FILE."
            ),
            Remedy(label="Use the name that the certificate was made for; renew it if it expired."),
        ],
    )


def _unusable(refused: PairRefused, settings: str) -> Problem:
    return Problem(
        "tls_unusable",
        str(refused),
        status=500,
        remediation=[Remedy(label=f"The files are named by {settings}.")],
    )
