"""What shall go wrong, at which requests and how often; switched while the server runs."""

import fnmatch
import json
import threading
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass
class Fault:
    """One thing that goes wrong at the requests it is for. Fields may be combined.

    `path` is a shell pattern over the decoded path (`*/resolve/*/model-00001*`), `method` one
    method or any. `times` is how many requests it befalls; None: until it is taken away.
    """

    path: str = "*"
    method: str | None = None
    times: int | None = None

    latency_seconds: float = 0
    """Waits before the answer begins."""
    status: int | None = None
    """Answers with this status and nothing else, in the Hub's words."""
    error_code: str | None = None
    """The `X-Error-Code` that goes with `status`: GatedRepo, RepoNotFound, RevisionNotFound…"""
    message: str | None = None
    """What is said with `status`, in place of the Hub's words."""
    retry_after_seconds: int | None = None
    redirect_to: str | None = None
    """Answers 302 with this address."""
    drop_after_bytes: int | None = None
    """Breaks the connection after so many bytes of the body."""
    stall_after_bytes: int | None = None
    """Sends no more after so many bytes of the body, until the fault is taken away."""
    flip_byte_at: int | None = None
    """Turns over the bits of the byte at this offset of the file."""
    bytes_per_second: int | None = None
    ignore_range: bool = False
    """Answers 200 with the whole file where a range was asked for."""
    etag: str | None = None
    """Names another identity of the file than it has."""
    commit: str | None = None
    """Names another commit than was asked for."""
    no_length: bool = False
    """Leaves out the length, and the range where one was asked for."""

    over: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)

    def is_for(self, method: str, path: str) -> bool:
        if self.method is not None and self.method != method:
            return False
        return fnmatch.fnmatchcase(path, self.path)

    def to_json(self) -> bytes:
        named = [item.name for item in fields(self) if item.name != "over"]
        return json.dumps({name: getattr(self, name) for name in named}).encode()


NONE = Fault(times=0)


class Faults:
    """The faults that are switched on, oldest first; the first that fits a request befalls it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._on.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Take it away; who is held by it goes on."""
        fault.over.set()
        with self._lock:
            self._on = [other for other in self._on if other is not fault]

    def clear(self) -> None:
        with self._lock:
            gone, self._on = self._on, []
        for fault in gone:
            fault.over.set()

    def take(self, method: str, path: str) -> Fault:
        """Return what befalls this request, and count it; NONE where nothing does."""
        with self._lock:
            for fault in self._on:
                if fault.times == 0 or not fault.is_for(method, path):
                    continue
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return NONE

    def add_json(self, body: bytes) -> None:
        told: dict[str, Any] = json.loads(body)
        self.add(Fault(**told))
