"""Builds what is about people: who may come in, with what keys, and how much they may use."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from vllm_manager.auth import Access, InForce
from vllm_manager.auth.keys import Keys
from vllm_manager.auth.links import Links
from vllm_manager.auth.oidc.config import config_of
from vllm_manager.auth.oidc.service import SingleSignOn
from vllm_manager.auth.subjects import Subjects
from vllm_manager.auth.teams import Teams
from vllm_manager.auth.throttle import Throttle
from vllm_manager.auth.users import Users
from vllm_manager.db import Database
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.topics import Hub
from vllm_manager.kit.vault import Vault
from vllm_manager.limits import Spending, UsageLedger, UsageTotals
from vllm_manager.limits.policies import KeyPolicies, Policies
from vllm_manager.limits.prices import Prices
from vllm_manager.settings import Settings


@dataclass(frozen=True, slots=True)
class People:
    """What the routes ask for, under the names they ask by."""

    access: Access
    in_force: InForce
    links: Links
    sign_on: SingleSignOn
    users: Users
    teams: Teams
    keys: Keys
    policies: Policies
    usage: UsageLedger
    subjects: Subjects
    usage_totals: UsageTotals
    prices: Prices


def build(
    settings: Settings, database: Database, clock: Clock, hub: Hub, changed: Callable[[], None]
) -> People:
    """Return the services. `changed` is called after each change that the gateway must know."""
    access = Access(database, clock, changed)
    users = Users(database, clock, access, hub)
    vault = Vault(settings.secrets_dir / "vault_key")
    attempts = Throttle(database, clock)
    keys = Keys(database, clock, KeyPolicies(clock), _telling(hub, "keys", changed))
    spending = Spending(database, clock)
    subjects = Subjects(database)
    hours_kept = timedelta(days=settings.usage_hours_kept_days)
    kept = timedelta(days=settings.usage_kept_days)
    limited = _telling(hub, "limits", changed)
    return People(
        access=access,
        in_force=InForce(database, clock),
        links=Links(database, clock, access),
        sign_on=SingleSignOn(config_of(settings), vault, clock, access, users, attempts),
        users=users,
        teams=Teams(database, clock, access, hub),
        keys=keys,
        policies=Policies(database, clock, keys, subjects, spending, limited),
        usage=UsageLedger(database, clock, hours_kept, kept),
        usage_totals=UsageTotals(database, clock, subjects, hours_kept, settings.currency),
        prices=Prices(database, clock, settings.currency),
        subjects=subjects,
    )


def _telling(hub: Hub, topic: str, changed: Callable[[], None]) -> Callable[[], None]:
    """Also tell who follows `topic`: only that there are news, since not everybody may know which.

    Whoever hears it reads again what they may see.
    """

    def tell() -> None:
        changed()
        hub.publish(topic, f"{topic}_changed", {})

    return tell
