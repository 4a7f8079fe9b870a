"""One service under watch: started, proved, and started again with back-off when it ends."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from vllm_manager.cli.runner import backoff
from vllm_manager.cli.runner.logs import bound, tail
from vllm_manager.cli.runner.records import RunFiles, ServiceRecord, State
from vllm_manager.cli.runner.service import Service

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """How long a living service may be silent, and how long one may take to stop."""

    first_answer_seconds: float = 240.0
    silence_seconds: float = 60.0
    probe_every_seconds: float = 2.0
    restart_stop_seconds: float = 5.0


class Watched:
    """Moves one service's record along; `tick` never blocks longer than a probe or a stop."""

    def __init__(
        self,
        service: Service,
        files: RunFiles,
        patience: Patience | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.service = service
        self._files = files
        self._patience = patience or Patience()
        self._monotonic = monotonic
        self.record = files.service(service.name) or ServiceRecord(name=service.name)
        self._written: str | None = None
        now = monotonic()
        self._retry_at = now
        self._probed_at = 0.0
        self._answered_at = now
        self._running_since = now

    def tick(self) -> None:
        """Look once, do what is needed, and write the record where it changed."""
        record = self.record
        if record.state in ("stopped", "waiting"):
            self._start_when_due()
        elif reason := self.service.fault(record):
            self._ended(reason)
        else:
            self._probe()
            self._forgive()
        bound(self.service.log)
        self._save()

    def _start_when_due(self) -> None:
        record = self.record
        if record.state == "waiting" and self._monotonic() < self._retry_at:
            return
        record.restarts += record.state == "waiting"
        record.port, record.log = self.service.port, str(self.service.log)
        record.retry_in_seconds = None
        self._answered_at = self._monotonic()
        try:
            self.service.start(record)
        except OSError as error:
            self._ended(f"can't be started: {error}")
        else:
            self._enter("starting")

    def _forgive(self) -> None:
        steady = self._monotonic() - self._running_since >= backoff.STEADY_SECONDS
        if self.record.state == "running" and steady:
            self.record.failures = 0

    def _probe(self) -> None:
        now = self._monotonic()
        if self._probed_at and now - self._probed_at < self._pause():
            return
        answered = self.service.answers(self.record)
        self._probed_at = now = self._monotonic()
        if not answered:
            self._unanswered(now)
            return
        self._answered_at = now
        if self.record.state == "starting":
            self._running_since = now
            self._enter("running")

    def _unanswered(self, now: float) -> None:
        patience, starting = self._patience, self.record.state == "starting"
        bearable = patience.first_answer_seconds if starting else patience.silence_seconds
        if now - self._answered_at > bearable:
            self._answered_at = now
            if reason := self.service.silent(self.record):
                self._ended(f"{reason} for {bearable:.0f} s")

    def _pause(self) -> float:
        """Look often until the first answer, so that nobody waits for a probe."""
        return 0.2 if self.record.state == "starting" else self._patience.probe_every_seconds

    def _ended(self, reason: str) -> None:
        record = self.record
        log.warning("%s: %s", record.name, reason)
        healthy = self._monotonic() - self._running_since if record.state == "running" else 0.0
        record.reason, record.log_tail = reason, tail(self.service.log)
        record.failures = backoff.failures_after(record.failures, healthy)
        delay = backoff.delay_seconds(record.failures)
        self.service.stop(record, self._patience.restart_stop_seconds)
        record.members = []
        record.retry_in_seconds = delay
        self._retry_at = self._monotonic() + delay
        self._enter("waiting")

    def _enter(self, state: State) -> None:
        self.record.state = state
        self.record.since = datetime.now(UTC)

    def _save(self) -> None:
        text = self.record.model_dump_json()
        if text != self._written:
            self._files.write(self.record)
            self._written = text
