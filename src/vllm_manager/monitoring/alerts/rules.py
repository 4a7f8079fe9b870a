"""What needs attention: every rule, from facts to findings (pure)."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from vllm_manager.deployments.states import START_ORDER
from vllm_manager.kit.errors import Remedy
from vllm_manager.monitoring.alerts import remedies
from vllm_manager.monitoring.alerts.facts import (
    DeploymentFact,
    DiskFact,
    Facts,
    GpuFact,
    ProcessName,
)
from vllm_manager.monitoring.alerts.pasts import (
    ENGINE_MEMORY_SECONDS,
    ENGINE_STEP_SECONDS,
    MEMORY_SECONDS,
    MEMORY_STEP_SECONDS,
    QUEUE_SECONDS,
    Trends,
)
from vllm_manager.monitoring.alerts.trends import (
    Trend,
    grows,
    grows_steadily,
    never_empties,
    slope_per_second,
)

Severity = Literal["critical", "warning", "info"]

_HOT_CELSIUS: Final = 85.0
_SCORCHING_CELSIUS: Final = 92.0
_LOW_DISK_RATIO: Final = 0.10
_LAST_DISK_RATIO: Final = 0.03
_MUCH_DISK_BYTES: Final = 200 * 2**30
"""So much free space is enough, however large the disk is."""
_DISKS: Final = {
    "models": "The disk of models",
    "home": "The disk of home",
    "temporary": "The disk of temporary files",
    "shared_memory": "Shared memory",
}
_LIBRARY: Final = (
    "downloads stop, logs are lost and changes are refused. Delete models that nobody uses, or "
    "enlarge it."
)
_WHEN_FULL: Final = {
    "models": _LIBRARY,
    "home": _LIBRARY,
    "temporary": "Ray places nothing on its node any more, its logs are lost, and engines fail. "
    "Remove what nobody needs there, or enlarge it.",
    "shared_memory": "engines of several processes fail or can't start. Stop what uses it, or "
    "enlarge it (for a container: --shm-size).",
}
"""What happens then, and what to do, by what the disk is for."""
_FULL_KV_RATIO: Final = 0.97
_SERVING: Final = ("ready", "degraded", "unreachable")
_QUEUE_LEAST: Final = 4.0
_MEMORY_BYTES_PER_HOUR: Final = 64 * 2**20
_CERTIFICATE_DAYS: Final = 14
_CERTIFICATE_LAST_DAYS: Final = 3


class Finding(NamedTuple):
    """A condition that holds now."""

    subject: str
    """What it is about: a deployment's name, a GPU, a path."""
    severity: Severity
    title: str
    detail: str
    remediation: tuple[Remedy, ...] = ()


class Undecided(NamedTuple):
    """What can't be said to hold, nor not to: no alert of it begins, and none is over."""

    subject: str
    is_known: bool = False
    """False: what it depends on can't be read now. True: it does not hold any more, nor is over."""


Judged = Finding | Undecided
Look = Callable[[Facts, Trends], Iterable[Judged] | None]


class Rule(NamedTuple):
    """One thing that is watched."""

    name: str
    about: str
    hold_seconds: float
    """How long it must hold before anybody is told, and be over before it is said to be over."""
    look: Look
    """Returns what holds now, or can't be decided; None where nothing at all can be known."""
    is_of_deployments: bool = False
    """Whether its subjects are deployments, which its remedies are done to."""


def _of_phase(*phases: str) -> Callable[[Facts], Iterable[DeploymentFact] | None]:
    def found(facts: Facts) -> Iterable[DeploymentFact] | None:
        if facts.deployments is None:
            return None
        return [d for d in facts.deployments if d.phase in phases]

    return found


def _failed(facts: Facts, _: Trends) -> Iterable[Finding] | None:
    found = _of_phase("failed")(facts)
    return None if found is None else [_failure(d) for d in found]


def _failure(d: DeploymentFact) -> Finding:
    detail = d.error.detail if d.error else (d.reason or "Its page says more.")
    return Finding(d.name, "critical", f"{d.name} failed", detail, remedies.of_failed(d))


def _degraded(facts: Facts, _: Trends) -> Iterable[Finding] | None:
    found = _of_phase("degraded", "unreachable")(facts)
    return None if found is None else [_trouble(d) for d in found]


def _trouble(d: DeploymentFact) -> Finding:
    severity: Severity = "critical" if d.phase == "unreachable" else "warning"
    detail = d.reason or (d.error.detail if d.error else "Its page says more.")
    return Finding(d.name, severity, f"{d.name} is {d.phase}", detail, remedies.of_troubled(d))


def _restarting(facts: Facts, _: Trends) -> Iterable[Finding] | None:
    starting = _of_phase(*START_ORDER[:-1])(facts)
    if starting is None:
        return None
    # The number of the try stays when a start has succeeded, or is no longer wanted.
    again = [d for d in starting if d.attempt > 1 and d.is_wanted]
    return [
        Finding(
            d.name,
            "warning",
            f"{d.name} does not start",
            f"This is try {d.attempt}. " + (d.error.detail if d.error else d.reason or ""),
            remedies.of_restarting(d),
        )
        for d in again
    ]


def _kv_full(facts: Facts, _: Trends) -> Iterable[Judged] | None:
    if facts.deployments is None:
        return None
    return [judged for d in facts.deployments if (judged := _fullness(d)) is not None]


def _fullness(d: DeploymentFact) -> Judged | None:
    used = d.kv_cache_usage_ratio
    if used is None or used < _FULL_KV_RATIO:
        # Of those that don't answer, one may be full.
        is_told = used is not None and d.phase == "ready"
        return None if is_told or d.phase not in _SERVING else Undecided(d.name)
    return Finding(
        d.name,
        "warning",
        f"The KV cache of {d.name} is full",
        f"{used:.0%} of it is in use: further requests wait, or push others out. Allow fewer "
        "requests at once, shorten the context, give the cache more memory, or add a replica.",
        remedies.of_full_cache(d),
    )


def _queue_grows(facts: Facts, trends: Trends) -> Iterable[Judged] | None:
    if facts.deployments is None:
        return None
    serving = [d for d in facts.deployments if d.phase in _SERVING]
    return [j for d in serving if (j := _queue(d, trends.waiting.get(d.name))) is not None]


def _queue(d: DeploymentFact, trend: Trend | None) -> Judged | None:
    if d.requests_waiting is None or trend is None:
        return Undecided(d.name)
    if not never_empties(trend.points, _QUEUE_LEAST):
        return None
    if trend.covers_seconds < QUEUE_SECONDS:
        return Undecided(d.name)
    if not grows(trend.points):  # a queue that goes up and down is not over while it never empties
        return Undecided(d.name, is_known=True)
    detail = (
        f"{d.requests_waiting:.0f} requests wait, and more than two minutes ago. More come "
        "than it can answer: add a replica, or lower what its callers may ask for."
    )
    title = f"The queue of {d.name} grows"
    return Finding(d.name, "warning", title, detail, remedies.of_queue(d))


def _gpu_lost(facts: Facts, _: Trends) -> Iterable[Judged] | None:
    if facts.gpus is None:
        return None
    return [_lost(gpu) for gpu in facts.gpus if gpu.state != "ok"]


def _lost(gpu: GpuFact) -> Judged:
    if gpu.state == "unknown":
        return Undecided(gpu.name)
    hit = f" It was given to {', '.join(gpu.used_by)}." if gpu.used_by else ""
    why = "has fallen off the bus" if gpu.state == "lost" else "does not answer"
    detail = f"{gpu.name} {why}.{hit} Look at it with nvidia-smi and at the kernel's log; reboot."
    mend = (remedies.page("Open the cluster", "/cluster"),)
    return Finding(gpu.name, "critical", f"{gpu.name} is lost", detail, mend)


def _gpu_hot(facts: Facts, _: Trends) -> Iterable[Judged] | None:
    if facts.gpus is None:
        return None
    return [judged for gpu in facts.gpus if (judged := _warmth(gpu)) is not None]


def _warmth(gpu: GpuFact) -> Judged | None:
    celsius = gpu.temperature_celsius
    if celsius is None:
        return Undecided(gpu.name)
    return _heat(gpu, celsius) if celsius >= _HOT_CELSIUS else None


def _heat(gpu: GpuFact, celsius: float) -> Finding:
    severity: Severity = "critical" if celsius >= _SCORCHING_CELSIUS else "warning"
    detail = (
        f"It is at {celsius:.0f} °C. From about {_HOT_CELSIUS:.0f} °C on GPUs slow themselves "
        "down, and age. Check fans, air flow and the power limit."
    )
    mend = (remedies.page("Open the cluster", "/cluster"),)
    return Finding(gpu.name, severity, f"{gpu.name} is hot", detail, mend)


def _disk_low(facts: Facts, _: Trends) -> Iterable[Judged] | None:
    if facts.disks is None:
        return None
    return [judged for disk in facts.disks if (judged := _space(disk)) is not None]


def _space(disk: DiskFact) -> Judged | None:
    free, total = disk.free_bytes, disk.total_bytes
    if free is None or total is None:
        return Undecided(disk.path)
    is_low = free < min(_MUCH_DISK_BYTES, _LOW_DISK_RATIO * total)
    return _shortage(disk, free, total) if is_low else None


def _shortage(disk: DiskFact, free: int, total: int) -> Finding:
    is_last = free < min(_MUCH_DISK_BYTES / 10, _LAST_DISK_RATIO * total)
    detail = (
        f"{free / 2**30:.1f} of {total / 2**30:.0f} GiB are free at {disk.path}. When it is full, "
        f"{_WHEN_FULL[disk.purpose]}"
    )
    is_of_models = disk.purpose in ("models", "home")
    mend = (
        (remedies.page("Choose models to delete", "/library?unused=true"),) if is_of_models else ()
    )
    title = f"{_DISKS[disk.purpose]} is nearly full"
    return Finding(disk.path, "critical" if is_last else "warning", title, detail, mend)


def _certificate(facts: Facts, _: Trends) -> Iterable[Finding] | None:
    ends = facts.certificate_ends_at
    if ends is None:
        return None if facts.has_certificate else ()
    left = ends - facts.at
    if left > timedelta(days=_CERTIFICATE_DAYS):
        return ()
    severity: Severity = "critical" if left.days < _CERTIFICATE_LAST_DAYS else "warning"
    title = "The TLS certificate has expired" if left < timedelta() else (
        f"The TLS certificate expires in {left.days} days"
    )  # fmt: skip
    detail = (
        f"It counts until {_day(ends)}. After that no client accepts it. Put a renewed one in its "
        "place: it is taken without a restart."
    )
    return [Finding("certificate", severity, title, detail)]


def _keys(facts: Facts, _: Trends) -> Iterable[Finding] | None:
    if not facts.knows_keys:
        return None
    if facts.keys is None:
        return ()
    count, ending = facts.keys
    title = "A key expires soon" if count == 1 else f"{count} keys expire soon"
    detail = (
        f"The first one on {_day(ending[0].expires_at)}. Applications that use them are refused "
        "from then on: rotate them, which leaves the old ones valid for a while."
    )
    return [Finding("keys", "info", title, detail, remedies.of_keys(ending))]


def _memory_grows(facts: Facts, trends: Trends) -> Iterable[Finding] | None:
    others = (
        _growth(name, trend, MEMORY_SECONDS - MEMORY_STEP_SECONDS, "the last hour")
        for name, trend in trends.process_bytes.items()
    )
    engines = (
        _growth(name, trend, ENGINE_MEMORY_SECONDS - ENGINE_STEP_SECONDS, "each of six hours")
        for name, trend in trends.engine_bytes.items()
    )
    return [found for found in (*others, *engines) if found is not None]


def _growth(name: ProcessName, trend: Trend, seconds: float, when: str) -> Finding | None:
    if trend.covers_seconds < seconds:
        return None
    per_hour = slope_per_second(trend.points) * 3600
    if per_hour < _MEMORY_BYTES_PER_HOUR or not grows_steadily(trend.points):
        return None
    held = trend.points[-1][1] / 2**20
    detail = (
        f"It holds {held:.0f} MiB, and has grown by {per_hour / 2**20:.0f} MiB in {when} "
        "without falling back. Restart it, and send the diagnostics bundle."
    )
    place = f"/deployments/{name.deployment}"
    look = (remedies.page("Open it", place),) if name.deployment else ()
    mend = (*look, remedies.page("Download the diagnostics bundle", "/settings"))
    return Finding(name.words, "warning", f"{name.words} takes more and more memory", detail, mend)


def _ray_down(facts: Facts, _: Trends) -> Iterable[Finding] | None:
    if facts.is_ray_up is None:
        return None
    if facts.is_ray_up:
        return ()
    detail = (
        "Ray does not answer. What serves goes on serving, but nothing can be started, stopped or "
        "replaced. `vllm-manager doctor` says more; `vllm-manager up` starts it again."
    )
    return [Finding("ray", "critical", "Ray does not answer", detail)]


def _node_silent(facts: Facts, _: Trends) -> Iterable[Finding] | None:
    return None if facts.silent_nodes is None else [_silence(node) for node in facts.silent_nodes]


def _silence(node: str) -> Finding:
    detail = (
        f"Ray counts {node} as alive, but it tells nothing of itself: its memory, disks, processes "
        "and GPUs are unknown. Either our package is not in its Ray's environment, or it can't "
        "reach this control plane at VLLM_MANAGER_REPORT_URL. Ray's log there says which."
    )
    return Finding(node, "warning", f"Nothing is heard of the node {node}", detail)


def _no_gateway(facts: Facts, _: Trends) -> Iterable[Finding] | None:
    if facts.gateway_workers is None:
        return None
    if facts.gateway_workers:
        return ()
    detail = (
        "No gateway has been heard for ten seconds. If one runs, it hangs, or serves with the keys "
        "and routes that it knew last. `vllm-manager doctor` says more."
    )
    return [Finding("gateway", "critical", "No gateway is connected", detail)]


def _audit(facts: Facts, _: Trends) -> Iterable[Finding] | None:
    if not facts.unfinished_audit_entries:
        return ()
    detail = (
        f"The results of {facts.unfinished_audit_entries} changes could not be written down since "
        "the start. The changes themselves are in the log. Check the database's disk."
    )
    mend = (remedies.page("Read the log", "/logs?process=control-plane"),)
    return [Finding("audit", "warning", "The audit log is incomplete", detail, mend)]


def _day(moment: datetime) -> str:
    return f"{moment:%d %B %Y, %H:%M} UTC"


RULES: Final[tuple[Rule, ...]] = (
    Rule("deployment_failed", "A deployment was given up.", 0, _failed, True),
    Rule("deployment_degraded", "Replicas are missing or do not answer.", 20, _degraded, True),
    Rule("deployment_restarting", "A deployment does not start.", 0, _restarting, True),
    Rule("kv_cache_full", "An engine has no room for further requests.", 60, _kv_full, True),
    Rule("queue_growing", "More requests come than an engine can answer.", 0, _queue_grows, True),
    Rule("gpu_lost", "A GPU does not answer.", 0, _gpu_lost),
    Rule("gpu_hot", f"A GPU is at {_HOT_CELSIUS:.0f} °C or more.", 60, _gpu_hot),
    Rule("disk_low", "Less than a tenth of a disk is free.", 30, _disk_low),
    Rule("certificate_expiring", "The TLS certificate ends within two weeks.", 0, _certificate),
    Rule("keys_expiring", "Keys end within a week.", 0, _keys),
    Rule("memory_growing", "A process takes more memory all the time.", 0, _memory_grows),
    Rule("ray_down", "Ray does not answer.", 30, _ray_down),
    Rule("node_silent", "A node of Ray's tells nothing of itself.", 120, _node_silent),
    Rule("gateway_down", "No gateway is connected.", 30, _no_gateway),
    Rule("audit_incomplete", "Results are missing in the audit log.", 0, _audit),
)  # fmt: skip

BY_NAME: Final = {rule.name: rule for rule in RULES}
