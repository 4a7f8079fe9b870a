"""Prices: what tokens of a model cost, from which day on."""

from vllm_manager.limits.prices.schemas import Price, PriceRequest
from vllm_manager.limits.prices.service import Prices

__all__ = ["Price", "PriceRequest", "Prices"]
