"""Engines' output on disk: kept once, line by line, for each life of each replica."""

from vllm_manager.deployments.logs.files import Life, lives_in
from vllm_manager.deployments.logs.intake import LogCounts, LogStore, names_in
from vllm_manager.deployments.logs.lines import KeptLine, as_line, moment_of
from vllm_manager.deployments.logs.reading import Form, LogQuery, newest_first, oldest_first

__all__ = [
    "Form",
    "KeptLine",
    "Life",
    "LogCounts",
    "LogQuery",
    "LogStore",
    "as_line",
    "lives_in",
    "moment_of",
    "names_in",
    "newest_first",
    "oldest_first",
]
