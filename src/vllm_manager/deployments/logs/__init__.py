"""Engines' output on disk: kept once, line by line, for each life of each replica."""

from vllm_manager.deployments.logs.intake import LogCounts, LogStore, names_in
from vllm_manager.deployments.logs.lines import as_line
from vllm_manager.deployments.logs.reading import Form, LogQuery

__all__ = ["Form", "LogCounts", "LogQuery", "LogStore", "as_line", "names_in"]
