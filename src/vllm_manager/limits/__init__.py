"""Limits: what was used, by key, user, model and time."""

from vllm_manager.limits.schemas import Usage, UsageRecord, UsageReport
from vllm_manager.limits.service import UsageLedger
from vllm_manager.limits.spending import Spending, Spent

__all__ = ["Spending", "Spent", "Usage", "UsageLedger", "UsageRecord", "UsageReport"]
