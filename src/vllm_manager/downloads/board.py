"""How far the running downloads are, in memory, and who is told of it, and how often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vllm_manager.downloads.files import KeptFile
from vllm_manager.downloads.schemas import Download
from vllm_manager.downloads.tables import DownloadRow
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import ProblemDetails
from vllm_manager.kit.topics import Hub

TOPIC = "downloads"
_BETWEEN_EVENTS_SECONDS = 0.5


@dataclass(slots=True)
class Progress:
    """The figures of one running download, as the fetching process last said them."""

    bytes_done: int = 0
    files_done: int = 0
    bytes_per_second: float = 0.0
    stalled: bool = False
    message: str | None = None
    files: Sequence[KeptFile] = ()
    """Its files, as far as they are now."""

    def take(self, said: Mapping[str, Any]) -> None:
        """Take in one line of the fetching process; it names only files that changed."""
        self.bytes_done = said["bytes_done"]
        self.files_done = said["files_done"]
        self.bytes_per_second = said["bytes_per_second"]
        self.stalled = said["stalled"]
        self.message = said["message"]
        for place, bytes_done, state in said["files"]:
            self.files[place].bytes_done, self.files[place].state = bytes_done, state


class Board:
    """Joins rows with live figures, and publishes the result at a bounded rate."""

    def __init__(self, hub: Hub, clock: Clock) -> None:
        self._hub = hub
        self._clock = clock
        self._live: dict[str, Progress] = {}
        self._told: dict[str, tuple[float, str]] = {}

    def begin(self, download_id: str, files: Sequence[KeptFile]) -> Progress:
        """Return the figures of a run that begins; whoever feeds it holds it."""
        self._live[download_id] = Progress(files=files)
        return self._live[download_id]

    def end(self, download_id: str) -> None:
        """Forget the figures: from now on the row says how far it is."""
        self._live.pop(download_id, None)

    def progress(self, download_id: str) -> Progress | None:
        return self._live.get(download_id)

    def view(self, row: DownloadRow) -> Download:
        """Return the client's view of a row, with live figures where it runs here."""
        live = self._live.get(row.id) if row.state in ("running", "verifying") else None
        view = Download(
            id=row.id,
            repo=row.repo,
            revision=row.revision,
            commit=row.commit,
            include=row.include,
            state=row.state,  # pyright: ignore[reportArgumentType]  # checked by pydantic
            stalled=False,
            message=row.message,
            bytes_done=row.bytes_done,
            bytes_total=row.bytes_total,
            bytes_per_second=None,
            eta_seconds=None,
            files_done=row.files_done,
            files_total=row.files_total,
            priority=row.priority,
            error=ProblemDetails.model_validate(row.error) if row.error else None,
            operation_id=row.operation_id,
            created_by=row.created_by,
            created_at=row.created_at,
            updated_at=row.updated_at,
            finished_at=row.finished_at,
        )
        return with_figures(view, live) if live is not None else view

    def tell(self, row: DownloadRow) -> Download:
        """Publish a download; more often than twice a second only where its state is another."""
        view = self.view(row)
        now = self._clock.monotonic()
        told_at, told_state = self._told.get(row.id, (-_BETWEEN_EVENTS_SECONDS, ""))
        if view.state != told_state or now - told_at >= _BETWEEN_EVENTS_SECONDS:
            self._told[row.id] = (now, view.state)
            self._hub.publish(TOPIC, "download", view.model_dump(mode="json"))
        if row.finished_at is not None:
            self._told.pop(row.id, None)
        return view


def with_figures(view: Download, live: Progress) -> Download:
    """Return the view with live figures; the time left only where bytes come."""
    left = None if view.bytes_total is None else view.bytes_total - live.bytes_done
    eta = None if left is None or live.bytes_per_second <= 0 else left / live.bytes_per_second
    return view.model_copy(
        update={
            "bytes_done": live.bytes_done,
            "files_done": live.files_done,
            "bytes_per_second": live.bytes_per_second,
            "eta_seconds": eta,
            "stalled": live.stalled,
            "message": live.message,
        }
    )
