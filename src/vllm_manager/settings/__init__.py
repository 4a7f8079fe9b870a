"""Every setting of the product, once. Each is read from `VLLM_MANAGER_<NAME>`."""

import json
import os
import sys
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from vllm_manager.kit.addresses import is_confidential, networks
from vllm_manager.kit.certificates import Pair
from vllm_manager.kit.proxies import HttpProxy
from vllm_manager.settings.watching import Watching

RoleName = Literal["administrator", "operator", "member", "viewer"]
"""See `auth`, which says what each may do."""
PUBLIC_HUB = "https://huggingface.co"
_PUBLIC_FILES = ("*.huggingface.co:443", "*.hf.co:443")


def _default_engine_python() -> Path:
    """The engine environment that `make` builds beside this one."""
    return Path(sys.prefix).parent / ".venv-engine" / "bin" / "python"


class Settings(Watching):
    """Read from the environment at the start of each process; never changed afterwards."""

    model_config = SettingsConfigDict(
        env_prefix="VLLM_MANAGER_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    home: Path = Field(
        default_factory=lambda: Path.home() / ".vllm-manager",
        description="Where the database, logs, run files and secrets are kept.",
    )
    host: str = Field(default="127.0.0.1", description="Address on which the gateway listens.")
    port: int = Field(
        default=8800, ge=0, le=65535, description="The one public port: the gateway's."
    )
    trusted_proxies: str = Field(
        default="127.0.0.1,::1",
        description="Proxies (addresses or networks, separated by commas) whose `X-Forwarded-For` "
        "and `X-Forwarded-Proto` are believed.",
    )
    tls_key: Path | None = Field(
        default=None, description="File with the key of the certificate: PEM, mode 0600."
    )
    tls_certificate: Path | None = Field(
        default=None,
        validate_default=True,
        description="File with the public port's TLS certificate and the chain behind it, in PEM. "
        "Unset: plain HTTP.",
    )
    ca_file: Path | None = Field(
        default=None,
        description="File with authorities that the command line, alerts and the gateway's traces "
        "trust beside the system's.",
    )
    control_port: int = Field(
        default=8801, ge=0, le=65535, description="The control plane's port, on loopback only."
    )
    database_url: str | None = Field(
        default=None, description="SQLAlchemy URL. Unset: SQLite in the home directory."
    )
    gateway_workers: int = Field(default=1, ge=1, le=64, description="Gateway worker processes.")
    engine_python: Path = Field(
        default_factory=_default_engine_python,
        description="Python of the engine environment, which holds Ray and vLLM.",
    )
    ray_address: str | None = Field(
        default=None,
        description="REST address of a Ray cluster. Unset: `up` runs a local Ray.",
    )
    ray_dashboard_port: int = Field(
        default=8802, ge=0, le=65535, description="REST port of the local Ray, on loopback."
    )
    ray_token_path: Path | None = Field(
        default=None, description="File with Ray's token. Unset: `secrets/ray_token` in the home."
    )
    report_url: str | None = Field(
        default=None,
        description="Where replicas report to. Unset: the control plane's own loopback address.",
    )
    fake_engine: bool = Field(
        default=False, description="Allow deployments of the fake engine (tests and load tests)."
    )
    demo: bool = Field(default=True, description="Deploy the demo model on the first start.")
    start_deadline_seconds: float = Field(
        default=1800, gt=0, description="Longest time a replica may take from its process to ready."
    )
    phase_deadline_seconds: float = Field(
        default=600,
        gt=0,
        description="Longest time a deployment may show no progress within one phase.",
    )
    silence_seconds: float = Field(
        default=10,
        gt=0,
        description="A replica that has not reported for this long is unreachable.",
    )
    retry_base_seconds: float = Field(
        default=10, gt=0, description="Back-off after the first failed start; doubles up to 300 s."
    )
    retry_attempts: int = Field(
        default=5, ge=1, description="Failed starts in a row before `failed`."
    )
    drain_seconds: float = Field(
        default=30,
        ge=0,
        description="How long a stopping engine or gateway may finish its requests.",
    )
    max_queued_requests: int = Field(
        default=128,
        ge=0,
        le=10_000,
        description="How many requests may wait for a model that answers as many as its "
        "deployment allows, where it does not say. 0: more are refused at once.",
    )
    queue_wait_seconds: float = Field(
        default=30,
        gt=0,
        le=3600,
        description="How long a request may wait so, where the deployment does not say.",
    )
    warm_spares: int = Field(
        default=1,
        ge=0,
        le=8,
        description="Processes per node that have imported the engine and wait. 0: no warm starts.",
    )
    warm_memory_bytes: int = Field(
        default=2_000_000_000,
        ge=0,
        description="The most that the spares of one node may hold; one holds about 0.7 GB.",
    )
    hub_endpoint: str | None = Field(
        default=None,
        description="Address of the Hugging Face Hub or a mirror of it. Unset: `HF_ENDPOINT`, "
        "else the public Hub.",
    )
    hub_hosts: str | None = Field(
        default=None,
        description="Hosts (`host:port`, separated by commas) that may lie in a private network "
        "though they are not the hub's: where a mirror keeps its files.",
    )
    hub_proxy: SecretStr | None = Field(
        default=None,
        description="HTTP proxy on the way to the hub: `http://[user:password@]host:port`. Only "
        "the hub's own hosts and those of `VLLM_MANAGER_HUB_HOSTS` are asked through it.",
    )
    models_dir: Path | None = Field(
        default=None,
        description="Where models are kept, laid out as a Hugging Face cache. Unset: `models` in "
        "the home.",
    )
    download_connections: int = Field(
        default=8, ge=1, le=64, description="Connections that one download may use at once."
    )
    downloads_at_once: int = Field(
        default=2, ge=1, le=16, description="Downloads that run at the same time; others wait."
    )
    download_bytes_per_second: int | None = Field(
        default=None, ge=1024, description="The most that all downloads take. Unset: no limit."
    )
    trusted_code: str | None = Field(
        default=None,
        pattern=r"^(?:[\w.-]+/[\w.-]+@[0-9a-f]{40}(?:\s*,\s*|$))*$",
        description="Models whose own code (`auto_map`) may run, each pinned to one commit: "
        "`organisation/name@<40 hexadecimal digits>`, separated by commas.",
    )
    lease_seconds: float = Field(
        default=10,
        gt=0,
        description="After this long without renewal another control plane takes over.",
    )
    audit_retention_days: int = Field(
        default=400,
        ge=1,
        le=36_500,
        description="Audit entries older than this are pruned; the rest stays verifiable.",
    )
    usage_hours_kept_days: int = Field(
        default=35,
        ge=1,
        le=400,
        description="Usage of older days is kept by day alone, no longer by hour.",
    )
    usage_kept_days: int = Field(
        default=730, ge=32, le=36_500, description="Usage of older days is deleted."
    )
    currency: str = Field(
        default="USD",
        pattern=r"^[A-Z]{3}$",
        description="What prices of models, and the cost of usage, are in: three letters.",
    )
    oidc_client_id: str | None = Field(
        default=None, description="What the OpenID Connect provider calls this installation."
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None,
        description="Secret of this client. Unset: the file, else it is a public client.",
    )
    oidc_client_secret_path: Path | None = Field(
        default=None,
        description="File with the secret. Unset: `secrets/oidc_client_secret` in the home, where "
        "there is one.",
    )
    oidc_scopes: str = Field(
        default="openid profile email", description="What the provider is asked for."
    )
    oidc_groups_claim: str = Field(
        default="groups",
        min_length=1,
        description="Claim with a person's groups; dots lead inwards (`realm_access.roles`).",
    )
    oidc_roles: Annotated[dict[str, RoleName], NoDecode] = Field(
        default={},
        description='Which role which group gives, as JSON: `{"ml-admins": "administrator"}`. Who '
        "is in several gets the one that may do most.",
    )
    oidc_default_role: RoleName | None = Field(
        default=None, description="Role of people in none of these groups. Unset: they are refused."
    )
    oidc_name: str = Field(
        default="single sign-on",
        min_length=1,
        max_length=40,
        description="What the login page's button says: “Log in with …”.",
    )
    oidc_issuer: str | None = Field(
        default=None,
        max_length=255,
        description="Address of an OpenID Connect provider, to the letter as it calls itself. "
        "Unset: no single sign-on.",
    )
    engine_log_bytes: int = Field(
        default=256 << 20,
        ge=1 << 20,
        description="The most that the engines' output of one deployment takes on disk.",
    )
    engine_log_retention_days: float = Field(
        default=14,
        gt=0,
        description="The engines' output of a deleted deployment is kept for this long.",
    )

    @field_validator("tls_key", "tls_certificate")
    @classmethod
    def _is_the_same_for_every_process(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_absolute():
            raise ValueError("It must be a path that begins with /.")
        return value

    @field_validator("tls_certificate")
    @classmethod
    def _is_a_pair(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if (value is None) != (info.data.get("tls_key") is None):
            raise ValueError("Set VLLM_MANAGER_TLS_CERTIFICATE and VLLM_MANAGER_TLS_KEY, or none.")
        return value

    @field_validator("oidc_roles", mode="before")
    @classmethod
    def _are_roles(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value or "{}")
        except ValueError as error:
            raise ValueError('It must be JSON: {"group": "role", …}.') from error

    @field_validator("oidc_issuer")
    @classmethod
    def _can_let_somebody_in(cls, value: str | None, info: ValidationInfo) -> str | None:
        if not value:
            return None
        if not is_confidential(value):
            raise ValueError("It must begin with https:// (http:// only on loopback).")
        if not info.data.get("oidc_client_id"):
            raise ValueError("Set VLLM_MANAGER_OIDC_CLIENT_ID as well.")
        if not info.data.get("oidc_roles") and not info.data.get("oidc_default_role"):
            raise ValueError(
                "Nobody could log in: set VLLM_MANAGER_OIDC_ROLES, VLLM_MANAGER_OIDC_DEFAULT_ROLE, "
                "or both."
            )
        return value

    @field_validator("hub_proxy")
    @classmethod
    def _is_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value().strip():
            return None
        HttpProxy.of(value.get_secret_value())
        return value

    @cached_property
    def secrets_dir(self) -> Path:
        return self.home / "secrets"

    @cached_property
    def oidc_client_secret_file(self) -> Path:
        return self.oidc_client_secret_path or self.secrets_dir / "oidc_client_secret"

    @cached_property
    def run_dir(self) -> Path:
        """Run files: pids, ports, the gateway's snapshot."""
        return self.home / "run"

    @cached_property
    def logs_dir(self) -> Path:
        return self.home / "logs"

    @cached_property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite+aiosqlite:///{self.home / 'vllm-manager.db'}"

    @cached_property
    def model_store(self) -> Path:
        """The folder in force in which models are kept."""
        return self.models_dir or self.home / "models"

    @cached_property
    def trusted_models(self) -> frozenset[str]:
        """The models in `trusted_code`, one by one."""
        named = (each.strip() for each in (self.trusted_code or "").split(","))
        return frozenset(name for name in named if name)

    @cached_property
    def hub_url(self) -> str:
        """The address in force of the model hub, without a slash at the end."""
        named = self.hub_endpoint or os.environ.get("HF_ENDPOINT") or PUBLIC_HUB
        return named.strip().rstrip("/")

    @cached_property
    def trusted_hub_hosts(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in (self.hub_hosts or "").split(",") if name.strip())

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        networks(part for part in value.split(",") if part.strip())
        return value

    @cached_property
    def proxied_hub_hosts(self) -> tuple[str, ...]:
        """The places that may be asked through `hub_proxy`; the public Hub's files have hosts of
        their own, below its domains."""
        own = urlsplit(self.hub_url)
        port = own.port or (80 if own.scheme == "http" else 443)
        files = _PUBLIC_FILES if self.hub_url == PUBLIC_HUB else ()
        return (f"{own.hostname}:{port}", *files, *self.trusted_hub_hosts)

    @cached_property
    def tls(self) -> Pair | None:
        """The certificate of the public port, and its key."""
        if self.tls_certificate is None or self.tls_key is None:
            return None
        return Pair(self.tls_certificate, self.tls_key)

    @cached_property
    def control_url(self) -> str:
        return f"http://127.0.0.1:{self.control_port}"

    @cached_property
    def ray_url(self) -> str:
        return self.ray_address or f"http://127.0.0.1:{self.ray_dashboard_port}"

    @cached_property
    def ray_token_file(self) -> Path:
        return self.ray_token_path or self.secrets_dir / "ray_token"

    @cached_property
    def engine_arguments_file(self) -> Path:
        """The installed engine's own argument list, written at set-up by the engine environment."""
        return self.engine_python.parent.parent / "share" / "vllm-manager" / "arguments.json"
