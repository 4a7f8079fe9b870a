"""Sets the log of a process up: which lines, in which form, to where."""

import logging
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Final

from vllm_manager.kit.logs.files import RotatedFile, goes_to
from vllm_manager.kit.logs.lines import JsonLine, PlainLine
from vllm_manager.kit.redaction import Redacted

_uncaught = logging.getLogger("uncaught")
_NOISY: Final = ("httpx", "httpcore", "aiosqlite", "alembic")


def log_file(folder: Path, process: str) -> Path:
    """Return where a process's lines are kept."""
    return folder / f"{process}.log"


def configure(process: str, level: str, form: str = "auto", folder: Path | None = None) -> None:
    """Send what this process logs to standard error, and to its file in `folder`.

    `form` is that of standard error: `json`, `plain`, or `auto`, which is plain on a terminal and
    JSON elsewhere. The file always has JSON. Where the steward has led standard error into that
    very file, each line goes there once.
    """
    handlers: list[logging.Handler] = []
    file = None if folder is None else log_file(folder, process)
    if file is not None:
        handlers.append(RotatedFile(file))
        handlers[0].setFormatter(Redacted(JsonLine(process)))
    if file is None or not goes_to(file):
        is_plain = form == "plain" or (form == "auto" and sys.stderr.isatty())
        stream = logging.StreamHandler(sys.stderr)
        stream.setFormatter(Redacted(PlainLine(process) if is_plain else JsonLine(process)))
        handlers.append(stream)
    logging.basicConfig(level=level.upper(), handlers=handlers, force=True)
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)


def tell_uncaught() -> None:
    """Log what ends this process, or one of its threads, as one line instead of a bare trace."""

    def ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            _uncaught.critical("Ended by an error", exc_info=(kind, error, trace))

    def thread_ended(told: threading.ExceptHookArgs) -> None:
        if told.exc_value is not None:
            ended(told.exc_type, told.exc_value, told.exc_traceback)

    sys.excepthook = ended
    threading.excepthook = thread_ended
