"""Limits: what was used, by key, user, model and time."""

from vllm_manager.limits.schemas import Usage, UsageRecord, UsageReport
from vllm_manager.limits.service import UsageLedger

__all__ = ["Usage", "UsageLedger", "UsageRecord", "UsageReport"]
