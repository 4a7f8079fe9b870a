"""The fake engine core: a process of its own that only lives, named as vLLM names its own.

    python -I -S core.py [stray]

Like vLLM's it does not end with its parent. `stray` also leaves the process group.
"""

import ctypes
import os
import signal
import sys

_PR_SET_NAME = 15


def main() -> None:
    if "stray" in sys.argv:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_NAME, b"VLLM::EngineCore", 0, 0, 0)
    os.write(1, b".")
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
