"""The library: models that are on disk, what they hold, who uses them, and how more get in."""

from vllm_manager.downloads.library.service import Library
from vllm_manager.downloads.library.uses import Use, Uses

__all__ = ["Library", "Use", "Uses"]
