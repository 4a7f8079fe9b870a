"""Keys: made, shown once, changed, rotated and revoked."""

from vllm_manager.auth.keys.schemas import NO_LIMITS, EndingKey, KeyView, Limits, NewKey
from vllm_manager.auth.keys.service import KeyLimits, Keys

__all__ = ["NO_LIMITS", "EndingKey", "KeyLimits", "KeyView", "Keys", "Limits", "NewKey"]
