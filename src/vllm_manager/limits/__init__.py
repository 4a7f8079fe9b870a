"""Limits: what was used, by key, user, model and time."""

from vllm_manager.limits.schemas import Usage, UsageRecord, UsageReport
from vllm_manager.limits.service import UsageLedger
from vllm_manager.limits.spending import Spending, Spent
from vllm_manager.limits.totals import UsageTotals

__all__ = [
    "Spending",
    "Spent",
    "Usage",
    "UsageLedger",
    "UsageRecord",
    "UsageReport",
    "UsageTotals",
]
