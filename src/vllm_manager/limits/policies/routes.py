"""Limits over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from vllm_manager.auth.guard import Administrator, Anyone
from vllm_manager.auth.keys import NO_LIMITS
from vllm_manager.kit.paging import MAX_LIMIT, Page
from vllm_manager.limits.policies.schemas import (
    EffectiveLimits,
    LimitsRequest,
    Policy,
    Scope,
    SubjectScope,
)
from vllm_manager.limits.policies.service import Policies

router = APIRouter(prefix="/api/v1/limits", tags=["limits"])

_PLAIN = r"^[^\x00-\x1f\x7f]+$"


def policies_of(request: Request) -> Policies:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.policies


Service = Annotated[Policies, Depends(policies_of)]
Subject = Annotated[
    str,
    Path(max_length=255, pattern=_PLAIN, description="Id of the team, user or key; model's name."),
]


@router.get("", operation_id="listLimits", summary="List the limits that are set")
async def list_limits(
    policies: Service,
    principal: Anyone,
    scope: Scope | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    cursor: Annotated[str | None, Query(max_length=2048)] = None,
) -> Page[Policy]:
    """Administrators and operators see all, others those that they fall under."""
    return await policies.page(principal, scope, cursor, limit)


@router.get(
    "/effective",
    operation_id="getEffectiveLimits",
    summary="Everything that limits requests with a key",
)
async def get_effective(
    policies: Service,
    principal: Anyone,
    key: Annotated[
        str | None, Query(max_length=40, description="Its id. Null: whatever you came with.")
    ] = None,
    model: Annotated[
        str | None, Query(min_length=1, max_length=255, pattern=_PLAIN, description="Only of it.")
    ] = None,
) -> EffectiveLimits:
    """A request must have room in each of them, or it is refused with 429."""
    return await policies.effective(principal, key, model)


@router.get(
    "/installation",
    operation_id="getInstallationLimits",
    summary="Read the limits of the whole installation",
)
async def get_installation(policies: Service, principal: Anyone) -> Policy:
    return await policies.get(principal, "installation", "")


@router.put(
    "/installation",
    operation_id="setInstallationLimits",
    summary="Set the limits of the whole installation",
)
async def set_installation(
    limits: LimitsRequest, policies: Service, principal: Administrator
) -> Policy:
    """All five are put in the place of those before. The gateway knows them within a second."""
    return await policies.put(principal, "installation", "", limits)


@router.delete(
    "/installation",
    operation_id="removeInstallationLimits",
    summary="Take the limits of the whole installation away",
    status_code=204,
)
async def remove_installation(policies: Service, principal: Administrator) -> None:
    await policies.put(principal, "installation", "", NO_LIMITS)


@router.get(
    "/{scope}/{subject}",
    operation_id="getLimits",
    summary="Read the limits of a team, user, key or model",
)
async def get_limits(
    scope: SubjectScope, subject: Subject, policies: Service, principal: Anyone
) -> Policy:
    """All are null where none is set."""
    return await policies.get(principal, scope, subject)


@router.put(
    "/{scope}/{subject}",
    operation_id="setLimits",
    summary="Set the limits of a team, user, key or model",
)
async def set_limits(
    scope: SubjectScope,
    subject: Subject,
    limits: LimitsRequest,
    policies: Service,
    principal: Administrator,
) -> Policy:
    """All five are put in the place of those before. Others than administrators may lower those
    of their own keys, with `PATCH /api/v1/keys/{key_id}`.
    """
    return await policies.put(principal, scope, subject, limits)


@router.delete(
    "/{scope}/{subject}",
    operation_id="removeLimits",
    summary="Take the limits of a team, user, key or model away",
    status_code=204,
)
async def remove_limits(
    scope: SubjectScope, subject: Subject, policies: Service, principal: Administrator
) -> None:
    """Nothing happens where none is set."""
    await policies.put(principal, scope, subject, NO_LIMITS)
