"""An archive that takes text alone, redacted, up to a bound, and says what it left out and why."""

import io
import json
import tarfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from vllm_manager.kit.redaction import LineRedactor, forms_of

_MOST_BYTES: Final = 48 << 20
_RESERVED_BYTES: Final = 1 << 20
"""Kept free for the manifest."""
ROOT: Final = "diagnostics"


@dataclass(frozen=True, slots=True)
class Part:
    """One thing for the archive: its text, or why there is none."""

    name: str
    text: str | None
    why_not: str | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    bytes: int
    left_out: str | None


class Archive:
    """A .tar.gz that is being written; leaving its context writes the manifest and closes it."""

    def __init__(
        self, file: Path, secrets: Iterable[str] = (), most_bytes: int = _MOST_BYTES
    ) -> None:
        self._secrets = forms_of(secrets)
        self._left_bytes = most_bytes - _RESERVED_BYTES
        self._entries: list[_Entry] = []
        self._tar = tarfile.open(file, "w:gz", compresslevel=6)  # noqa: SIM115 (closed on exit)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        if kind is None:
            listed = [asdict(entry) for entry in self._entries]
            self._write("manifest.json", json.dumps({"parts": listed}, indent=2).encode())
        self._tar.close()

    def add(self, part: Part) -> None:
        """Add a part, redacted; what does not fit any more is named in the manifest."""
        if part.text is None:
            self._entries.append(_Entry(part.name, 0, part.why_not or "It is not there."))
            return
        data = self._redacted(part.text).encode()
        if len(data) > self._left_bytes:
            why = f"Its {len(data):,} bytes would make the archive too large."
            self._entries.append(_Entry(part.name, 0, why))
            return
        self._left_bytes -= len(data)
        self._write(part.name, data)
        self._entries.append(_Entry(part.name, len(data), part.why_not))

    def _redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return "".join(_lines(text))

    def _write(self, name: str, data: bytes) -> None:
        entry = tarfile.TarInfo(f"{ROOT}/{name}")
        entry.size, entry.mtime, entry.mode = len(data), int(time.time()), 0o600
        self._tar.addfile(entry, io.BytesIO(data))


def _lines(text: str) -> Iterator[str]:
    redacted = LineRedactor()
    for line in text.splitlines():
        yield redacted(line) + "\n"
