"""The log of every process of ours: one shape of line, and where it goes."""

from vllm_manager.kit.logs.about import about, current
from vllm_manager.kit.logs.files import KEPT_FILES, LARGEST_BYTES, RotatedFile, older, write_all
from vllm_manager.kit.logs.lines import MEMBERS, JsonLine, PlainLine, moment, plain
from vllm_manager.kit.logs.reading import backwards, forwards
from vllm_manager.kit.logs.setup import configure, log_file, tell_uncaught

__all__ = [
    "KEPT_FILES",
    "LARGEST_BYTES",
    "MEMBERS",
    "JsonLine",
    "PlainLine",
    "RotatedFile",
    "about",
    "backwards",
    "configure",
    "current",
    "forwards",
    "log_file",
    "moment",
    "older",
    "plain",
    "tell_uncaught",
    "write_all",
]
