"""`python -m support.hub`: serves the ready-made repositories, and those that are asked for.

It prints its address, then serves until it is ended. `--token NAME=TOKEN` makes a person, who is
admitted to all that is gated or private.
"""

import argparse
import signal
from pathlib import Path

from support.hub.models import large, many_files, ready_made
from support.hub.repositories import from_folder
from support.hub.server import Hub


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="support.hub", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--network", default="here", help="where large files come from, or 'none'")
    parser.add_argument("--folder", action="append", default=[], metavar="REPOSITORY=FOLDER")
    parser.add_argument("--large", action="append", default=[], metavar="REPOSITORY=FILES*BYTES")
    parser.add_argument("--many-files", type=int, metavar="COUNT")
    parser.add_argument("--token", action="append", default=[], metavar="NAME=TOKEN")
    return parser.parse_args()


def _hub(told: argparse.Namespace) -> Hub:
    hub = Hub(ready_made(), told.port, None if told.network == "none" else told.network)
    for text in told.folder:
        name, _, folder = text.partition("=")
        hub.add(from_folder(name, Path(folder)))
    for text in told.large:
        name, _, size = text.partition("=")
        count, _, size_bytes = size.rpartition("*")
        hub.add(large(int(size_bytes), int(count or 1), name))
    if told.many_files:
        hub.add(many_files(told.many_files))
    for text in told.token:
        name, _, token = text.partition("=")
        guarded = [item.id for item in hub.repositories.values() if item.gated or item.private]
        hub.admit(token, name, *guarded)
    return hub


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    with _hub(_arguments()) as hub:
        print(hub.url, flush=True)
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
