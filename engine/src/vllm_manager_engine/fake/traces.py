"""What vLLM puts into shared places while it runs: a socket, a temporary file, shared memory."""

import os
import secrets
import socket
import tempfile
from multiprocessing import resource_tracker, shared_memory
from pathlib import Path

_BYTES = 4096


class Traces:
    """Made when the engine starts; removed by `remove`, or by nobody where it is killed."""

    def __init__(self) -> None:
        name = secrets.token_hex(4)
        self._file = Path(tempfile.gettempdir(), f"vllm_dist_{name}")
        self._file.write_text("rendezvous")
        self._path = Path(os.environ.get("VLLM_RPC_BASE_PATH") or tempfile.gettempdir(), name)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(self._path))
        self._memory = shared_memory.SharedMemory(create=True, size=_BYTES)
        # As if its tracker was killed with everything else: it would remove the memory.
        resource_tracker.unregister(f"/{self._memory.name}", "shared_memory")

    @property
    def memory(self) -> str:
        """The path of the shared memory."""
        return f"/dev/shm/{self._memory.name}"

    def remove(self) -> None:
        """Remove everything, as a clean end does."""
        self._socket.close()
        self._path.unlink()
        self._file.unlink()
        self._memory.close()
        resource_tracker.register(f"/{self._memory.name}", "shared_memory")
        self._memory.unlink()
