"""The settings of what watches: alerts, Prometheus, traces and logs."""

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

_MATCHER = r'[a-zA-Z_]\w*(=~|!~|!=|=)"[^"\\{}]*"'


class Watching(BaseSettings):
    """A part of `Settings`, which says how they are read."""

    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/]+(/[^\s]*[^\s/])?$",
        description="Address under which people open the web page, without a slash at the end; "
        "alerts name it.",
    )
    smtp_url: SecretStr | None = Field(
        default=None,
        description="Mail server for alerts: `smtp[s]://[user:password@]host[:port]`. Unset: no "
        "mail.",
    )
    mail_from: str | None = Field(
        default=None,
        validate_default=True,
        description="Sender of alerts by mail; needed with `VLLM_MANAGER_SMTP_URL`.",
    )
    prometheus_token_path: Path | None = Field(
        default=None, description="File with the bearer token that this Prometheus asks for."
    )
    prometheus_selector: str | None = Field(
        default=None,
        pattern=rf"^({_MATCHER}(,{_MATCHER})*)?$",
        description='Labels that tell this installation from others in it: `instance="a:8800"`.',
    )
    prometheus_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Address of a Prometheus that scrapes this server: charts over more than an "
        "hour are read from it. Unset: from the product's own database.",
    )
    otlp_share: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of the requests that is traced, where the caller does not decide it in "
        "`traceparent`.",
    )
    otlp_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s?#]+$",
        description="Address of an OpenTelemetry collector (OTLP over HTTP): "
        "`http://127.0.0.1:4318`. Unset: no traces.",
    )
    log_level: str = Field(default="info", description="debug, info, warning or error.")
    log_format: Literal["auto", "json", "plain"] = Field(
        default="auto",
        description="How processes write to standard error; `auto`: plain on a terminal, else JSON "
        "lines. The files in `logs/` are always JSON lines.",
    )

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value().strip():
            return None
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("It must be smtp://host or smtps://host.")
        return value

    @field_validator("mail_from")
    @classmethod
    def _is_sender(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("smtp_url") is not None and not value:
            raise ValueError("Set VLLM_MANAGER_MAIL_FROM as well: servers want to know the sender.")
        return value or None
