"""The edge to NVML: what a GPU doesn't support is None, and a GPU that is gone is told apart."""

from collections.abc import Callable
from typing import Any

from vllm_manager.hardware.probe import ProbeFailure

Library = Any
"""The module `pynvml`, or one with the same functions, constants and errors."""


class GpuGone(Exception):
    """One GPU no longer answers; the others may."""

    def __init__(self, state: str, code: str, detail: str) -> None:
        super().__init__(detail)
        self.state = state
        self.code = code
        self.detail = detail


class Nvml:
    """Calls the library's functions by their names, and tells its errors apart."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._is_begun = False
        self._unknown = frozenset(
            {
                library.NVML_ERROR_NOT_SUPPORTED,
                library.NVML_ERROR_NO_PERMISSION,
                library.NVML_ERROR_FUNCTION_NOT_FOUND,
                library.NVML_ERROR_NOT_FOUND,
                library.NVML_ERROR_NO_DATA,
                library.NVML_ERROR_INVALID_ARGUMENT,
                library.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
                library.NVML_ERROR_DEPRECATED,
            }
        )

    def begin(self) -> None:
        """Load the driver's library, once; without persistence this wakes every GPU up.

        Raises:
            ProbeFailure: it can't be used, and why (`library_missing`, `driver_not_loaded`,
                `driver_mismatch`, `no_permission`, `nvml_failed`).
        """
        if self._is_begun:
            return
        try:
            self.library.nvmlInit()
        except self.library.NVMLError as error:
            raise self._failure(error) from error
        self._is_begun = True

    def end(self) -> None:
        """Let the library go, so that the next `begin` sees a driver that was loaded anew."""
        self._is_begun = False
        try:
            self.library.nvmlShutdown()
        except self.library.NVMLError:
            return

    def call(self, name: str, *arguments: object) -> Any:
        """Return a function's answer.

        Raises:
            GpuGone: the GPU is lost or needs a reset, or fails in a way that NVML can't name.
        """
        try:
            return getattr(self.library, name)(*arguments)
        except self.library.NVMLError as error:
            raise self._gone(error, name) from error

    def ask(self, name: str, *arguments: object) -> Any:
        """Return a function's answer, or None where this GPU or driver doesn't know it.

        Raises:
            GpuGone: the GPU is lost, or fails.
        """
        try:
            return getattr(self.library, name)(*arguments)
        except AttributeError:  # a library older than the function
            return None
        except self.library.NVMLError as error:
            if error.value in self._unknown:
                return None
            raise self._gone(error, name) from error

    def _gone(self, error: Any, name: str) -> GpuGone:
        said = f"{name}: {error}"
        if error.value == self.library.NVML_ERROR_GPU_IS_LOST:
            detail = (
                f"The GPU has fallen off the bus ({said}). Look for “Xid” in the kernel's log; "
                "it comes back with a reboot, or not at all if the card or its power is faulty."
            )
            return GpuGone("lost", "gpu_lost", detail)
        if error.value == self.library.NVML_ERROR_RESET_REQUIRED:
            detail = f"The GPU needs a reset ({said}): nvidia-smi --gpu-reset, or a reboot."
            return GpuGone("failed", "gpu_reset_required", detail)
        detail = f"The GPU does not answer as it should ({said}). The kernel's log may say why."
        return GpuGone("failed", "gpu_failed", detail)

    def _failure(self, error: Any) -> ProbeFailure:
        library = self.library
        known: dict[int, tuple[str, str]] = {
            library.NVML_ERROR_LIBRARY_NOT_FOUND: (
                "library_missing",
                "The NVIDIA driver's library (libnvidia-ml) is not installed.",
            ),
            library.NVML_ERROR_DRIVER_NOT_LOADED: (
                "driver_not_loaded",
                "The NVIDIA driver is installed but not loaded: modprobe nvidia, or reboot.",
            ),
            library.NVML_ERROR_LIB_RM_VERSION_MISMATCH: (
                "driver_mismatch",
                "The NVIDIA driver was updated while it ran: reboot to load the new one.",
            ),
            library.NVML_ERROR_NO_PERMISSION: (
                "no_permission",
                "This user may not open /dev/nvidiactl: add it to the group that owns it.",
            ),
        }
        code, detail = known.get(error.value, ("nvml_failed", "NVML can't be started."))
        return ProbeFailure(code, f"{detail} (NVML says: {error})")


def load_pynvml() -> Library:
    """Import the library's bindings: only on first use, in the probe's thread."""
    import pynvml

    return pynvml


Loader = Callable[[], Library]
