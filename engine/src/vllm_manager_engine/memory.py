"""What an engine says of its memory while it starts, read from what it prints."""

import re
from dataclasses import asdict, dataclass

_GIB = 1024**3
_SIZES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("weights_bytes", re.compile(r"Model loading took ([\d.]+) GiB")),
    ("kv_cache_bytes", re.compile(r"Available KV cache memory: ([\d.]+) GiB")),
    ("kv_cache_bytes", re.compile(r"reserved ([\d.]+) GiB memory for KV Cache")),
    ("kv_cache_bytes", re.compile(r"(?:Explicitly|Auto) set \(([\d.]+)/[\d.]+\) GiB for KV cache")),
    ("other_bytes", re.compile(r"([\d.]+) GiB memory was consumed by non-kv usages")),
)
_TOKENS = re.compile(r"KV cache size: ([\d,]+) tokens")


@dataclass(slots=True)
class Memory:
    """Bytes of one worker, to 0.01 GiB as the engine prints them; None: it has not said.

    `other_bytes` is everything but the KV cache, weights included: what a worker on CPU tells
    instead of `weights_bytes`.
    """

    weights_bytes: int | None = None
    kv_cache_bytes: int | None = None
    kv_tokens: int | None = None
    other_bytes: int | None = None

    def read(self, line: str) -> None:
        """Take in one printed line."""
        for name, pattern in _SIZES:
            found = pattern.search(line)
            if found is not None:
                setattr(self, name, _bytes(found[1]))
        tokens = _TOKENS.search(line)
        if tokens is not None:
            self.kv_tokens = int(tokens[1].replace(",", ""))

    def as_dict(self) -> dict[str, int | None] | None:
        """Return what was said, or None if nothing was."""
        said = asdict(self)
        return said if any(value is not None for value in said.values()) else None


def _bytes(gib: str) -> int | None:
    try:
        return round(float(gib) * _GIB)
    except ValueError:  # "1.2.3"
        return None
