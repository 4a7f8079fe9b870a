"""Alerts over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from vllm_manager.auth.guard import Administrator, Anyone, Operator
from vllm_manager.kit.paging import MAX_LIMIT, Page
from vllm_manager.monitoring.alerts.receivers import Receivers
from vllm_manager.monitoring.alerts.rules import RULES
from vllm_manager.monitoring.alerts.schemas import (
    Acknowledgement,
    Alert,
    AlertRule,
    AlertRules,
    Receiver,
    ReceiverChange,
    ReceiverRequest,
    Silence,
    SilenceRequest,
    State,
)
from vllm_manager.monitoring.alerts.service import Alerts

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])


def alerts_of(request: Request) -> Alerts:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.alerts


def receivers_of(request: Request) -> Receivers:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.receivers


Service = Annotated[Alerts, Depends(alerts_of)]
ReceiverService = Annotated[Receivers, Depends(receivers_of)]
Id = Annotated[str, Path(max_length=40, pattern=r"^[\w]+$")]


@router.get("", operation_id="listAlerts", summary="List what needs attention")
async def list_alerts(
    alerts: Service,
    principal: Anyone,
    state: State = "active",
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    cursor: Annotated[str | None, Query(max_length=2048)] = None,
) -> Page[Alert]:
    """The newest first. What is over is kept for 90 days."""
    return await alerts.page(principal, state, cursor, limit)


@router.get("/rules", operation_id="listAlertRules", summary="List what is watched")
async def list_rules(principal: Anyone) -> AlertRules:
    items = [AlertRule(name=r.name, about=r.about, hold_seconds=r.hold_seconds) for r in RULES]
    return AlertRules(items=items)


@router.get("/silences", operation_id="listSilences", summary="List the silences in force")
async def list_silences(alerts: Service, principal: Anyone) -> Page[Silence]:
    return await alerts.silences()


@router.post(
    "/silences", operation_id="createSilence", summary="Tell nobody for a time", status_code=201
)
async def create_silence(asked: SilenceRequest, alerts: Service, principal: Operator) -> Silence:
    """Alerts are shown all the same. What began in silence is not told of afterwards."""
    return await alerts.silence(principal, asked)


@router.delete(
    "/silences/{silence_id}",
    operation_id="endSilence",
    summary="End a silence before its time",
    status_code=204,
)
async def end_silence(silence_id: Id, alerts: Service, principal: Operator) -> None:
    await alerts.end_silence(silence_id)


@router.get("/receivers", operation_id="listReceivers", summary="List who is told of alerts")
async def list_receivers(receivers: ReceiverService, principal: Operator) -> Page[Receiver]:
    return await receivers.all()


@router.post(
    "/receivers",
    operation_id="createReceiver",
    summary="Add somebody to be told of alerts",
    status_code=201,
)
async def create_receiver(
    asked: ReceiverRequest, receivers: ReceiverService, principal: Administrator
) -> Receiver:
    """The address is kept encrypted and never shown again."""
    return await receivers.create(asked)


@router.patch(
    "/receivers/{receiver_id}", operation_id="changeReceiver", summary="Change a receiver"
)
async def change_receiver(
    receiver_id: Id, asked: ReceiverChange, receivers: ReceiverService, principal: Administrator
) -> Receiver:
    return await receivers.change(receiver_id, asked)


@router.delete(
    "/receivers/{receiver_id}",
    operation_id="deleteReceiver",
    summary="Tell a receiver nothing any more",
    status_code=204,
)
async def delete_receiver(
    receiver_id: Id, receivers: ReceiverService, principal: Administrator
) -> None:
    """What it is owed is forgotten, too."""
    await receivers.delete(receiver_id)


@router.post(
    "/receivers/{receiver_id}/test",
    operation_id="testReceiver",
    summary="Send a receiver a test message",
)
async def test_receiver(
    receiver_id: Id, receivers: ReceiverService, principal: Administrator
) -> Receiver:
    """Answers 502 with the reason where it does not arrive."""
    return await receivers.test(receiver_id)


@router.get("/{alert_id}", operation_id="getAlert", summary="Read an alert")
async def get_alert(alert_id: Id, alerts: Service, principal: Anyone) -> Alert:
    return await alerts.get(principal, alert_id)


@router.post(
    "/{alert_id}/acknowledge", operation_id="acknowledgeAlert", summary="Say that you see to it"
)
async def acknowledge_alert(
    alert_id: Id, said: Acknowledgement, alerts: Service, principal: Operator
) -> Alert:
    """It is shown with your name until it is over."""
    return await alerts.acknowledge(alert_id, principal, said)
