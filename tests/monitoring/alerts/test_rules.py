"""Each rule: what it finds, what it leaves alone, and what it can't know."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vllm_manager.auth.keys import EndingKey
from vllm_manager.kit.errors import Problem, Remedy
from vllm_manager.monitoring.alerts.facts import (
    DeploymentFact,
    DiskFact,
    ExpiringKeys,
    Facts,
    GpuFact,
    ProcessName,
)
from vllm_manager.monitoring.alerts.pasts import Trends
from vllm_manager.monitoring.alerts.rules import BY_NAME, RULES, Finding, Undecided
from vllm_manager.monitoring.alerts.states import Key, Watch

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GIB = 2**30


def facts(monotonic: float = 0.0, **known: Any) -> Facts:
    return Facts(at=NOW, monotonic=monotonic, **known)


def found(rule: str, seen: Facts, trends: Trends | None = None) -> Sequence[Finding] | None:
    findings = BY_NAME[rule].look(seen, trends or Trends())
    return None if findings is None else [f for f in findings if isinstance(f, Finding)]


def undecided(rule: str, seen: Facts, trends: Trends | None = None) -> list[tuple[str, bool]]:
    """Return of whom a rule can't say, and whether it knows its figure."""
    judged = BY_NAME[rule].look(seen, trends or Trends()) or ()
    return [(j.subject, j.is_known) for j in judged if isinstance(j, Undecided)]


def deployment(**known: Any) -> Facts:
    values: dict[str, Any] = {"name": "demo", "phase": "ready", **known}
    return facts(deployments=[DeploymentFact(**values)])


def disk(free_gib: float, total_gib: float) -> Facts:
    return facts(disks=[DiskFact("models", "/m", int(free_gib * GIB), int(total_gib * GIB))])


def gpu(state: str = "ok", celsius: float | None = 40.0) -> Facts:
    return facts(gpus=[GpuFact("GPU 0", state, celsius, ("demo",))])


def certificate(days: float) -> Facts:
    return facts(certificate_ends_at=NOW + timedelta(days=days))


def ending() -> EndingKey:
    """Return a key of 30 days that ends in two."""
    return EndingKey("key_1", "ci", "anna", NOW - timedelta(days=28), NOW + timedelta(days=2))


FINE = facts(
    deployments=[DeploymentFact("demo", "ready", kv_cache_usage_ratio=0.5, requests_waiting=0.0)],
    gpus=[GpuFact("GPU 0", "ok", 60.0)],
    disks=[DiskFact("models", "/m", 500 * GIB, 1000 * GIB)],
    certificate_ends_at=NOW + timedelta(days=60),
    knows_keys=True,
    is_ray_up=True,
    silent_nodes=[],
    gateway_workers=1,
)
UNKNOWN = facts()


def test_nothing_is_found_where_all_is_well() -> None:
    assert [rule.name for rule in RULES if found(rule.name, FINE)] == []


def test_what_is_not_known_is_no_finding_and_no_all_clear() -> None:
    judged = {rule.name for rule in RULES if found(rule.name, UNKNOWN) is not None}
    # These are about the control plane itself, which always knows them.
    assert judged == {"certificate_expiring", "memory_growing", "audit_incomplete"}


@pytest.mark.parametrize(
    ("rule", "seen", "subject"),
    [
        ("kv_cache_full", deployment(), "demo"),
        ("kv_cache_full", deployment(phase="unreachable"), "demo"),
        ("kv_cache_full", deployment(phase="degraded", kv_cache_usage_ratio=0.1), "demo"),
        ("queue_growing", deployment(), "demo"),
        ("gpu_hot", gpu(celsius=None), "GPU 0"),
        ("gpu_lost", gpu("unknown"), "GPU 0"),
        ("disk_low", facts(disks=[DiskFact("models", "/m", None, None)]), "/m"),
    ],
)
def test_a_subject_that_can_t_be_judged_is_no_all_clear(
    rule: str, seen: Facts, subject: str
) -> None:
    assert undecided(rule, seen) == [(subject, False)]
    assert found(rule, seen) == []


@pytest.mark.parametrize("rule", ["kv_cache_full", "queue_growing"])
def test_an_engine_that_does_not_run_is_an_all_clear(rule: str) -> None:
    assert (undecided(rule, deployment(phase="stopped")), found(rule, FINE)) == ([], [])


def test_a_certificate_that_can_t_be_read_is_no_all_clear() -> None:
    assert found("certificate_expiring", facts(has_certificate=True)) is None
    assert found("certificate_expiring", facts()) == []


@pytest.mark.parametrize(
    ("rule", "seen", "severity", "word"),
    [
        ("deployment_failed", deployment(phase="failed", reason="No room."), "critical", "No room"),
        ("deployment_degraded", deployment(phase="degraded"), "warning", "page"),
        ("deployment_degraded", deployment(phase="unreachable"), "critical", "page"),
        ("deployment_restarting", deployment(phase="queued", attempt=3), "warning", "try 3"),
        ("kv_cache_full", deployment(kv_cache_usage_ratio=0.98), "warning", "98%"),
        ("gpu_lost", gpu("lost"), "critical", "given to demo"),
        ("gpu_lost", gpu("failed"), "critical", "does not answer"),
        ("gpu_hot", gpu(celsius=86), "warning", "86 °C"),
        ("gpu_hot", gpu(celsius=95), "critical", "95 °C"),
        ("disk_low", disk(9, 100), "warning", "9.0 of 100 GiB"),
        ("disk_low", disk(2, 100), "critical", "2.0 of 100 GiB"),
        ("disk_low", disk(150, 16_000), "warning", "150.0 of 16000 GiB"),
        ("certificate_expiring", certificate(10), "warning", "11 January 2026"),
        ("certificate_expiring", certificate(2), "critical", "3 January 2026"),
        ("certificate_expiring", certificate(-1), "critical", "31 December 2025"),
        (
            "keys_expiring",
            facts(knows_keys=True, keys=ExpiringKeys(3, [ending()])),
            "info",
            "03 January 2026",
        ),
        ("ray_down", facts(is_ray_up=False), "critical", "goes on serving"),
        ("node_silent", facts(silent_nodes=["gpu-b"]), "warning", "VLLM_MANAGER_REPORT_URL"),
        ("gateway_down", facts(gateway_workers=0), "critical", "gateway"),
        ("audit_incomplete", facts(unfinished_audit_entries=2), "warning", "2 changes"),
    ],
)
def test_a_rule_finds_what_it_is_for(rule: str, seen: Facts, severity: str, word: str) -> None:
    findings = found(rule, seen)
    assert findings is not None
    [finding] = findings
    assert finding.severity == severity
    assert word in finding.detail


@pytest.mark.parametrize(
    "phase", ["stopped", "stopping", "ready", "degraded", "unreachable", "failed", "deleting"]
)
def test_the_try_of_a_start_that_is_over_is_nothing_to_tell(phase: str) -> None:
    assert found("deployment_restarting", deployment(phase=phase, attempt=2)) == []


def test_a_start_that_nobody_wants_any_more_is_nothing_to_tell() -> None:
    seen = deployment(phase="queued", attempt=2, is_wanted=False)
    assert found("deployment_restarting", seen) == []


def test_a_large_disk_with_much_room_is_not_low() -> None:
    assert found("disk_low", disk(250, 16_000)) == []


def test_a_queue_that_never_empties_and_grows_is_told_of_after_two_minutes() -> None:
    trends = Trends()
    seen = UNKNOWN
    for second in range(0, 126, 5):
        waiting = 5.0 + second / 10
        one = DeploymentFact("demo", "ready", requests_waiting=waiting)
        seen = facts(float(second), deployments=[one])
        trends.note(seen)
        if second < 120:
            assert found("queue_growing", seen, trends) == []
    findings = found("queue_growing", seen, trends)
    assert findings is not None
    assert "18 requests wait" in findings[0].detail


@pytest.mark.parametrize("every", [2, 7, 9, 11])
def test_however_often_is_looked_a_queue_that_grows_is_seen(every: int) -> None:
    trends, seen = Trends(), UNKNOWN
    for second in range(0, 150, every):
        one = DeploymentFact("demo", "ready", requests_waiting=5.0 + second / 10)
        seen = facts(float(second), deployments=[one])
        trends.note(seen)
    assert found("queue_growing", seen, trends)


def test_a_queue_that_goes_up_and_down_is_told_of_once_until_it_empties() -> None:
    watch, key = Watch(), Key("queue_growing", "demo")
    known: list[Key] = []
    began = over = 0
    for second in range(0, 1200, 5):
        waiting = 10.0 + second // 5 * 2 % 5 if second < 1000 else 1.0
        one = DeploymentFact("demo", "ready", requests_waiting=waiting)
        change = watch.look(facts(float(second), deployments=[one]), known)
        began += key in change.on and not known
        over += key in change.over
        known = [k for k in {*known, *change.on} if k == key and k not in change.over]
    assert (began, over) == (1, 1)


def empties(second: int) -> float:
    return 5.0 if second != 60 else 0.0


def shrinks(second: int) -> float:
    return 30.0 - second / 10


@pytest.mark.parametrize("waiting", [empties, shrinks])
def test_a_queue_that_empties_or_shrinks_is_left_alone(waiting: Callable[[int], float]) -> None:
    trends = Trends()
    seen = UNKNOWN
    for second in range(0, 126, 5):
        one = DeploymentFact("demo", "ready", requests_waiting=waiting(second))
        seen = facts(float(second), deployments=[one])
        trends.note(seen)
    assert found("queue_growing", seen, trends) == []


GATEWAY = ProcessName("gateway-1")


def grown(
    size: Callable[[int], float],
    process: ProcessName = GATEWAY,
    minutes: int = 62,
    silent_minutes: int = 0,
) -> Sequence[Finding] | None:
    """Judge a process whose size in MiB at each minute is given, and which then is not measured."""
    trends = Trends()
    seen = UNKNOWN
    for minute in range(minutes + silent_minutes):
        told = {process: int(size(minute) * 2**20)} if minute < minutes else {}
        seen = facts(minute * 60.0, process_bytes=told)
        trends.note(seen)
    return found("memory_growing", seen, trends)


def leaks(minute: int) -> float:
    return 100 + 2 * minute


def is_freed_again(minute: int) -> float:
    return 100 + (minute % 10) * 20


def hardly_grows(minute: int) -> float:
    return 100 + minute * 0.5


def settles(minute: int) -> float:
    return 100 if minute < 30 else 300


def test_memory_that_only_grows_is_told_of() -> None:
    findings = grown(leaks)
    assert findings
    assert findings[0].subject == "gateway-1"
    assert "120 MiB in the last hour" in findings[0].detail


@pytest.mark.parametrize("size", [is_freed_again, hardly_grows, settles])
def test_memory_that_falls_back_or_settles_is_left_alone(size: Callable[[int], float]) -> None:
    assert grown(size) == []


ENGINE = ProcessName("engine", "gpu-b", "chat", "r1")


def test_an_engine_is_told_of_once_its_memory_has_grown_for_six_hours() -> None:
    assert grown(leaks, ENGINE, minutes=120) == []
    findings = grown(leaks, ENGINE, minutes=363)
    assert findings
    assert findings[0].title == "engine of chat (replica r1) on gpu-b takes more and more memory"
    assert findings[0].remediation[0].arguments == {"path": "/deployments/chat"}


def fills_its_cache(minute: int) -> float:
    return 1000 + 20 * min(minute, 200)


def test_an_engine_that_fills_its_cache_and_stays_is_left_alone() -> None:
    assert grown(fills_its_cache, ENGINE, minutes=363) == []


def test_a_process_that_has_ended_takes_no_more_memory() -> None:
    assert grown(leaks, silent_minutes=5)  # its node may be silent
    assert grown(leaks, silent_minutes=12) == []


@pytest.mark.parametrize(
    ("purpose", "title", "detail"),
    [
        ("models", "The disk of models is nearly full", "downloads stop"),
        ("home", "The disk of home is nearly full", "downloads stop"),
        ("temporary", "The disk of temporary files is nearly full", "Ray places nothing"),
        ("shared_memory", "Shared memory is nearly full", "--shm-size"),
    ],
)
def test_a_full_disk_of_another_node_is_told_with_what_it_is_for(
    purpose: str, title: str, detail: str
) -> None:
    place = f"{purpose} of gpu-b"
    findings = found("disk_low", facts(disks=[DiskFact(purpose, place, GIB, 100 * GIB)]))
    assert findings
    finding = findings[0]
    assert (finding.subject, finding.title, finding.severity) == (place, title, "critical")
    assert f"1.0 of 100 GiB are free at {place}" in finding.detail
    assert detail in finding.detail


def offered(rule: str, seen: Facts, trends: Trends | None = None) -> list[tuple[str, str]]:
    """Return the action and label of each remedy, save those that only open a page."""
    [finding] = found(rule, seen, trends) or []
    return [(r.action, r.label) for r in finding.remediation if r.action != "open"]


def test_a_failure_offers_what_its_diagnosis_does_a_restart_and_its_end() -> None:
    mend = Remedy(label="Set x to 1 and retry", action="set_argument", arguments={"name": "x"})
    error = Problem("engine_failed", "It did.", remediation=[mend]).details
    assert offered("deployment_failed", deployment(phase="failed", error=error)) == [
        ("set_argument", "Set x to 1 and retry"),
        ("restart", "Restart"),
        ("stop", "Stop demo"),
    ]


def test_a_start_that_is_tried_again_by_itself_offers_its_end_and_no_restart() -> None:
    restart = Remedy(label="Restart", action="restart")
    error = Problem("engine_failed", "It did.", remediation=[restart]).details
    seen = deployment(phase="queued", attempt=2, error=error)
    assert offered("deployment_restarting", seen) == [("stop", "Stop demo")]


@pytest.mark.parametrize(
    ("known", "labels"),
    [
        ({}, ["Scale to 3 replicas"]),
        ({"requests_running": 33.0}, ["Scale to 3 replicas", "Set max_num_seqs to 12 and restart"]),
        ({"is_autoscaled": True}, []),
        ({"has_room_for_another": False, "requests_running": 6.0}, []),
        ({"replicas": 64}, []),
    ],
)
def test_a_full_cache_offers_another_replica_or_fewer_requests_at_once(
    known: dict[str, Any], labels: list[str]
) -> None:
    seen = deployment(**{"kv_cache_usage_ratio": 0.99, "replicas": 2, "replicas_ready": 2, **known})
    assert [label for _, label in offered("kv_cache_full", seen)] == labels


@pytest.mark.parametrize(
    ("known", "labels"),
    [
        ({"kv_cache_usage_ratio": 0.2, "max_num_seqs": 8}, ["Set max_num_seqs to 12 and restart"]),
        (
            {"kv_cache_usage_ratio": 0.2, "requests_running": 16.0},
            ["Set max_num_seqs to 24 and restart"],
        ),
        ({"kv_cache_usage_ratio": 0.9, "max_num_seqs": 8}, []),
        ({"max_num_seqs": 8}, []),
    ],
)
def test_a_queue_offers_more_requests_at_once_where_the_cache_has_room(
    known: dict[str, Any], labels: list[str]
) -> None:
    trends, seen = Trends(), UNKNOWN
    for second in range(0, 126, 5):
        waiting = 5.0 + second / 10
        one = DeploymentFact("demo", "ready", requests_waiting=waiting, replicas_ready=1, **known)
        seen = facts(float(second), deployments=[one])
        trends.note(seen)
    shown = offered("queue_growing", seen, trends)
    assert shown[0] == ("scale", "Scale to 2 replicas")
    assert [label for _, label in shown[1:]] == labels


def test_a_key_that_ends_is_rotated_to_one_that_lives_as_long() -> None:
    seen = facts(knows_keys=True, keys=ExpiringKeys(1, [ending()]))
    assert offered("keys_expiring", seen) == [("rotate", "Rotate ci of anna, for another 30 days")]


def test_a_low_disk_leads_to_the_models_that_can_go() -> None:
    [finding] = found("disk_low", disk(9, 100)) or []
    assert finding.remediation[0].arguments == {"path": "/library?unused=true"}
