"""What the engine environment wrote at set-up: its model architectures, and where the demo lies."""

from pathlib import Path
from typing import Any, cast

import orjson


class Architectures:
    """Reads the list that lies with the engine's arguments; again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at: int | None = None
        self._document: dict[str, Any] = {}

    def known(self) -> frozenset[str] | None:
        """Return the names, as `config.json` gives them; None where set-up wrote no list."""
        named = self._read().get("architectures")
        if not isinstance(named, list) or not named:
            return None
        return frozenset(str(name) for name in cast("list[object]", named))

    def demo(self) -> Path | None:
        """Return the demo model's folder; None where set-up named none."""
        named = self._read().get("demo")
        return Path(named) if isinstance(named, str) else None

    def _read(self) -> dict[str, Any]:
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._read_at:
                found: object = orjson.loads(self._path.read_bytes())
                self._document = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
                self._read_at = changed
        except (OSError, ValueError):
            return {}
        return self._document
