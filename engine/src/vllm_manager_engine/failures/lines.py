"""An engine's last lines as rules read them: without prefixes, and without lines of source code."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from vllm_manager_engine.phases import words

_PROCESS: Final = re.compile(r"^\s*\([\w -]+ pid=\d+\)")
_LEVEL: Final = re.compile(r"^(?:\([\w -]+ pid=\d+\) )*(DEBUG|INFO|WARNING|ERROR|CRITICAL)[: ]")
_FRAME: Final = re.compile(r'^File ".*", line \d+')
_CODE_INDENT: Final = re.compile(r"^(?:\([\w -]+ pid=\d+\) )*(?:[A-Z]+ [\d: -]+\[[^\]]*\])? {4,}")
_USAGE: Final = re.compile(r"^(usage: |\[-|\[model_tag)")
_QUIET: Final = frozenset({"DEBUG", "INFO", "WARNING"})


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `counts` is false for what proves nothing: source code, usage, mere warnings."""

    text: str
    counts: bool


def read(raw: Iterable[str]) -> tuple[Line, ...]:
    """Return `raw` lines without prefixes.

    A traceback quotes source code, and that code often holds the very words of other errors.
    """
    in_frame: dict[str, bool] = {}
    found: list[Line] = []
    for line in raw:
        text = words(line)
        process = _PROCESS.match(line)
        key = process[0] if process else ""
        frame = _FRAME.match(text) is not None
        code = frame or (in_frame.get(key, False) and _CODE_INDENT.match(line) is not None)
        in_frame[key] = code
        level = _LEVEL.match(line)
        quiet = level is not None and level[1] in _QUIET
        found.append(Line(text, not (code or quiet or _USAGE.match(text))))
    return tuple(found)
