"""What single sign-on needs to know of the product's settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vllm_manager.auth.schemas import Role
from vllm_manager.kit.errors import Problem
from vllm_manager.settings import Settings


@dataclass(frozen=True, slots=True)
class OidcConfig:
    """The provider, this client of it, and what its groups mean here."""

    issuer: str
    """Without a slash at the end only where the provider itself writes it so."""
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    """None: a public client, which proves itself by PKCE alone."""
    scopes: str = "openid profile email"
    groups_claim: str = "groups"
    roles: Mapping[str, Role] = field(default_factory=dict[str, Role])
    default_role: Role | None = None
    """For people in no group of `roles`. None: they are refused."""
    name: str = "single sign-on"
    """What the button says."""


def config_of(settings: Settings) -> OidcConfig | None:
    """Return what the settings say; None where there is no single sign-on.

    Raises:
        Problem: `oidc_secret_unreadable`.
    """
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    return OidcConfig(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=_secret(settings),
        scopes=settings.oidc_scopes,
        groups_claim=settings.oidc_groups_claim,
        roles=settings.oidc_roles,
        default_role=settings.oidc_default_role,
        name=settings.oidc_name,
    )


def _secret(settings: Settings) -> str | None:
    if settings.oidc_client_secret is not None:
        return settings.oidc_client_secret.get_secret_value()
    path = settings.oidc_client_secret_file
    if settings.oidc_client_secret_path is None and not path.exists():
        return None
    try:
        secret = path.read_text().strip()
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error
    if not secret:
        raise _unreadable(path, "it is empty")
    return secret


def _unreadable(path: Path, why: str) -> Problem:
    return Problem(
        "oidc_secret_unreadable",
        f"The secret for single sign-on in {path} can't be read ({why}). Write the client's secret "
        "there, or unset VLLM_MANAGER_OIDC_CLIENT_SECRET_PATH.",
        status=500,
    )
