"""The port of what the steward keeps running."""

from pathlib import Path
from typing import Protocol

from vllm_manager.cli.runner.records import ServiceRecord


class Service(Protocol):
    """Something of one or more processes. `record` is filled in by these calls and kept on disk."""

    name: str
    port: int
    log: Path

    def start(self, record: ServiceRecord) -> None:
        """Begin it anew and note its processes. Does not wait until it answers."""
        ...

    def fault(self, record: ServiceRecord) -> str | None:
        """Return why it must be started again, or None. May mend a part by itself."""
        ...

    def answers(self, record: ServiceRecord) -> bool:
        """Tell whether it does its work now; at most a few seconds."""
        ...

    def silent(self, record: ServiceRecord) -> str | None:
        """Deal with one that lives but has long not answered; a reason asks for a new start."""
        ...

    def stop(self, record: ServiceRecord, patience_seconds: float) -> None:
        """End every process of it, gracefully within `patience_seconds`, else by force."""
        ...
