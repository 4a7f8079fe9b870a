"""The run files: what the steward knows, kept so that its successor and `status` know it too."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from vllm_manager.cli.runner.processes import Member
from vllm_manager.kit.secrets import write_private
from vllm_manager.settings import Settings

State = Literal["starting", "running", "waiting", "stopped"]
RAY, CONTROL_PLANE, GATEWAY, STEWARD = "ray", "control-plane", "gateway", "steward"


class ServiceRecord(BaseModel):
    """One service as the steward sees it."""

    name: str
    state: State = "stopped"
    since: datetime = Field(default_factory=lambda: datetime.now(UTC))
    members: list[Member] = Field(default_factory=list[Member])
    port: int | None = None
    restarts: int = Field(default=0, description="Times that it was started again since `up`.")
    failures: int = Field(default=0, description="Ends in a row without a healthy minute between.")
    retry_in_seconds: float | None = Field(default=None, description="Back-off, from `since`.")
    reason: str | None = Field(default=None, description="Why it last ended.")
    log_tail: list[str] = Field(default_factory=list[str])
    log: str | None = None
    folder: str | None = Field(default=None, description="Ray's session folder.")
    commands: dict[str, list[str]] = Field(
        default_factory=dict[str, list[str]], description="How Ray's side processes were started."
    )

    @property
    def leader(self) -> Member | None:
        return self.members[0] if self.members else None


class Wanted(BaseModel):
    """What `up` was asked for. While this file exists, everything is kept running."""

    port: int
    control_port: int
    ray_dashboard_port: int
    foreground: bool = False

    @classmethod
    def of(cls, settings: Settings, *, foreground: bool) -> "Wanted":
        return cls(
            port=settings.port,
            control_port=settings.control_port,
            ray_dashboard_port=settings.ray_dashboard_port,
            foreground=foreground,
        )


class RunFiles:
    """Reads and writes `run/*.json`, atomically, mode 0600."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = folder / "steward.lock"

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _read(self, name: str) -> str | None:
        try:
            return self._path(name).read_text()
        except OSError:
            return None

    def service(self, name: str) -> ServiceRecord | None:
        """Return a service's record; None where there is none, or it can't be read."""
        text = self._read(name)
        try:
            return ServiceRecord.model_validate_json(text) if text else None
        except ValidationError:
            return None

    def write(self, record: ServiceRecord) -> None:
        text = json.dumps(record.model_dump(mode="json"), indent=1)
        write_private(self._path(record.name), text + "\n")

    def remove(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def wanted(self) -> Wanted | None:
        """Return what `up` was asked for; None after `down`."""
        text = self._read("up")
        try:
            return Wanted.model_validate_json(text) if text else None
        except ValidationError:
            return None

    def want(self, wanted: Wanted) -> None:
        write_private(self._path("up"), wanted.model_dump_json() + "\n")

    def unwant(self) -> None:
        self._path("up").unlink(missing_ok=True)

    def steward(self) -> Member | None:
        """Return the steward, if it lives."""
        record = self.service(STEWARD)
        leader = record.leader if record else None
        return leader if leader and leader.is_alive() else None
