"""The product's log: what every process of it and every engine said, read as one."""

from vllm_manager.monitoring.logs.browser import BrowserErrors
from vllm_manager.monitoring.logs.query import EntryQuery
from vllm_manager.monitoring.logs.schemas import LEVELS, LogEntry
from vllm_manager.monitoring.logs.service import Logs, ProductLogs

__all__ = ["LEVELS", "BrowserErrors", "EntryQuery", "LogEntry", "Logs", "ProductLogs"]
