"""The fake engine core: a process of its own that only lives, named as vLLM names its own.

    python -I -S core.py [stray | FILE]

Like vLLM's it does not end with its parent. `stray` also leaves the process group. FILE is mapped,
as the core maps what it shares with the server.
"""

import ctypes
import mmap
import os
import signal
import sys

_PR_SET_NAME = 15


def main() -> None:
    _kept = [_mapped(path) for path in sys.argv[1:] if path != "stray"]
    if "stray" in sys.argv:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_NAME, b"VLLM::EngineCore", 0, 0, 0)
    os.write(1, b".")
    while True:
        signal.pause()


def _mapped(path: str) -> mmap.mmap:
    with open(path, "r+b") as file:
        return mmap.mmap(file.fileno(), 0)


if __name__ == "__main__":
    main()
