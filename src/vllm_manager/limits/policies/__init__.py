"""Policies: the limits of the installation, of teams, users, keys and models."""

from vllm_manager.limits.policies.schemas import Policy, Scope
from vllm_manager.limits.policies.service import KeyPolicies, Policies, PolicyFact, quotas_of

__all__ = ["KeyPolicies", "Policies", "Policy", "PolicyFact", "Scope", "quotas_of"]
