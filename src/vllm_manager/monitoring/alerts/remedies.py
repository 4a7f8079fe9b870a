"""What is offered to do about an alert (pure): what a page or a command line does for one."""

import math
from collections.abc import Sequence
from typing import Final

from vllm_manager.kit.errors import Remedy
from vllm_manager.monitoring.alerts.facts import DeploymentFact, EndingKey

_MOST_REPLICAS: Final = 64
_EASY_KV_RATIO: Final = 0.7
"""With less than that in use, the cache has room for more requests at once."""
_FEWER: Final = 0.75
_MORE: Final = 1.5
_LEAST_SEQS: Final = 4
_LEAST_DAYS: Final = 14
_SECONDS_PER_DAY: Final = 86_400
_RESTART: Final = Remedy(label="Restart", action="restart")


def page(label: str, path: str) -> Remedy:
    return Remedy(label=label, action="open", arguments={"path": path})


def of_failed(d: DeploymentFact) -> tuple[Remedy, ...]:
    """Return what the diagnosis offers, else a restart; then its end, which is an answer, too."""
    told = tuple(d.error.remediation) if d.error else ()
    more = () if any(remedy.action == "restart" for remedy in told) else (_RESTART,)
    return (*told, *more, _stop(d), _look(d))


def of_troubled(d: DeploymentFact) -> tuple[Remedy, ...]:
    """Replicas are missing or silent: Ray replaces them, a person may want all of them anew."""
    return (_RESTART, page("Read the logs", f"/deployments/{d.name}?tab=logs"), _look(d))


def of_restarting(d: DeploymentFact) -> tuple[Remedy, ...]:
    """The next try comes by itself, so a restart is no answer without a change."""
    told = tuple(d.error.remediation) if d.error else ()
    return (*(remedy for remedy in told if remedy != _RESTART), _stop(d), _look(d))


def of_full_cache(d: DeploymentFact) -> tuple[Remedy, ...]:
    """Fewer requests at once leave room for each; another replica brings a cache of its own."""
    return (*_another_replica(d), *_seqs(d, _fewer(d)), _look(d))


def of_queue(d: DeploymentFact) -> tuple[Remedy, ...]:
    """Another replica, or, where the KV cache is far from full, more requests at once."""
    return (*_another_replica(d), *_seqs(d, _more(d)), _look(d))


def of_keys(keys: Sequence[EndingKey]) -> tuple[Remedy, ...]:
    return (*map(_rotate, keys), page("Open the keys", "/keys"))


def _look(d: DeploymentFact) -> Remedy:
    return page("Open it", f"/deployments/{d.name}")


def _stop(d: DeploymentFact) -> Remedy:
    return Remedy(label=f"Stop {d.name}", action="stop", arguments={"name": d.name})


def _another_replica(d: DeploymentFact) -> tuple[Remedy, ...]:
    """None where their number follows the load, or no node could take one."""
    wanted = d.replicas + 1
    if d.is_autoscaled or d.has_room_for_another is False or wanted > _MOST_REPLICAS:
        return ()
    label = f"Scale to {wanted} replicas"
    return (Remedy(label=label, action="scale", arguments={"replicas": wanted}),)


def _seqs(d: DeploymentFact, value: int | None) -> tuple[Remedy, ...]:
    if value is None:
        return ()
    label = f"Set max_num_seqs to {value} and restart"
    arguments = {"name": "max_num_seqs", "value": value}
    return (Remedy(label=label, action="set_argument", arguments=arguments),)


def _fewer(d: DeploymentFact) -> int | None:
    """Return three quarters of what one replica works on now: what it may is never reached."""
    now = _per_replica(d)
    return None if now is None or now < _LEAST_SEQS else math.floor(now * _FEWER)


def _more(d: DeploymentFact) -> int | None:
    """Return half as much again, where the cache is known to have room."""
    used, now = d.kv_cache_usage_ratio, _at_once(d)
    if used is None or used >= _EASY_KV_RATIO or now is None:
        return None
    return math.ceil(now * _MORE)


def _at_once(d: DeploymentFact) -> int | None:
    """Return how many requests a replica takes at once: as set, else as it does while more wait."""
    return _per_replica(d) if d.max_num_seqs is None else d.max_num_seqs


def _per_replica(d: DeploymentFact) -> int | None:
    if not d.requests_running or not d.replicas_ready:
        return None
    return math.ceil(d.requests_running / d.replicas_ready)


def _rotate(key: EndingKey) -> Remedy:
    """The new key lives as long as the old one was to, and not for so short that it is told of."""
    life_days = round((key.expires_at - key.created_at).total_seconds() / _SECONDS_PER_DAY)
    days = max(_LEAST_DAYS, life_days)
    return Remedy(
        label=f"Rotate {key.name} of {key.owner}, for another {days} days",
        action="rotate",
        arguments={"key_id": key.id, "name": key.name, "owner": key.owner, "days": days},
    )
