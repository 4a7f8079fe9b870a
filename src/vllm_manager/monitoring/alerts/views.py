"""Rows as a client sees them."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from vllm_manager.auth import Principal
from vllm_manager.kit.errors import Remedy
from vllm_manager.monitoring.alerts.rules import BY_NAME, Severity
from vllm_manager.monitoring.alerts.schemas import Alert, Receiver, ReceiverKind, Silence
from vllm_manager.monitoring.alerts.tables import AlertRow, ReceiverRow, SilenceRow

_WEIGHT = {"critical": 2, "warning": 1, "info": 0}


def is_at_least(severity: str, least: str) -> bool:
    return _WEIGHT[severity] >= _WEIGHT[least]


def silenced_until(rule: str, subject: str, silences: Sequence[SilenceRow]) -> datetime | None:
    """Return when the last silence over an alert ends; None where there is none."""
    ends = [s.ends_at for s in silences if s.rule in (None, rule) and s.subject in (None, subject)]
    return max(ends, default=None)


def alert_view(row: AlertRow, silences: Sequence[SilenceRow], is_unknown: bool) -> Alert:
    """Return an alert with all its remedies."""
    rule = BY_NAME.get(row.rule)
    return Alert(
        id=row.id,
        rule=row.rule,
        subject=row.subject,
        severity=cast("Severity", row.severity),
        title=row.title,
        detail=row.detail,
        deployment=row.subject if rule is not None and rule.is_of_deployments else None,
        remediation=[Remedy.model_validate(remedy) for remedy in row.remediation],
        since=row.since,
        updated_at=row.updated_at,
        resolved_at=row.resolved_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        note=row.note,
        silenced_until=silenced_until(row.rule, row.subject, silences),
        is_known=row.resolved_at is not None or not is_unknown,
    )


def shown_to(who: Principal, alert: Alert) -> Alert:
    """Return an alert without the keys of others, which nobody but an administrator sees."""
    if who.role == "administrator":
        return alert
    told = [remedy for remedy in alert.remediation if _is_theirs(who, remedy)]
    return alert.model_copy(update={"remediation": told})


def _is_theirs(who: Principal, remedy: Remedy) -> bool:
    return remedy.action != "rotate" or remedy.arguments["owner"] == who.username


def silence_view(row: SilenceRow) -> Silence:
    return Silence(
        id=row.id,
        rule=row.rule,
        subject=row.subject,
        reason=row.reason,
        created_by=row.created_by,
        created_at=row.created_at,
        ends_at=row.ends_at,
    )


def receiver_view(row: ReceiverRow, waiting: int) -> Receiver:
    return Receiver(
        id=row.id,
        name=row.name,
        kind=cast("ReceiverKind", row.kind),
        target=row.shown_target,
        is_signed=row.sealed_secret is not None,
        least_severity=cast("Severity", row.least_severity),
        is_enabled=row.is_enabled,
        created_at=row.created_at,
        delivered_at=row.delivered_at,
        failed_at=row.failed_at,
        last_error=row.last_error,
        waiting=waiting,
    )
