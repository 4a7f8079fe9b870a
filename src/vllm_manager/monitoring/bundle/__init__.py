"""The support bundle: one redacted archive of what is needed to help."""

from vllm_manager.monitoring.bundle.archive import Archive, Part
from vllm_manager.monitoring.bundle.build import LIVE_FOLDER, build, extend

__all__ = ["LIVE_FOLDER", "Archive", "Part", "build", "extend"]
