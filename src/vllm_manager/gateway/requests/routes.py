"""Requests over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from vllm_manager.auth import Principal
from vllm_manager.auth.guard import Administrator, Anyone, require_role
from vllm_manager.gateway.requests.schemas import (
    Activity,
    Capture,
    CaptureStart,
    RequestBodies,
    RequestPage,
    RequestView,
)
from vllm_manager.gateway.requests.service import Filter, Requests
from vllm_manager.kit.endings import StatusClass
from vllm_manager.kit.paging import MAX_LIMIT, Page

router = APIRouter(prefix="/api/v1/requests", tags=["requests"])


def _requests(request: Request) -> Requests:
    return request.app.state.requests


Service = Annotated[Requests, Depends(_requests)]
User = Annotated[Principal, Depends(require_role("administrator", "operator", "member"))]
RequestId = Annotated[str, Path(max_length=128, description="As in `x-request-id`.")]
Name = Annotated[str, Path(max_length=63)]
Text = Annotated[str | None, Query(max_length=128)]


@router.get("", operation_id="listRequests", summary="Requests under way, and those that ended")
async def list_requests(
    requests: Service,
    principal: Anyone,
    deployment: Text = None,
    state: Activity | None = None,
    user: Annotated[str | None, Query(max_length=128, description="Id of a user.")] = None,
    key: Annotated[str | None, Query(max_length=128, description="Id of a key.")] = None,
    status: StatusClass | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    cursor: Annotated[str | None, Query(max_length=2048)] = None,
) -> RequestPage:
    """The newest first, at most half a second old. Members see their own, others everybody's.

    Of those that ended about the last 2,000 are there; usage counts all.
    """
    wanted = Filter(deployment, state, user, key, status)
    return await requests.list(principal, wanted, cursor, limit)


@router.get("/capture", operation_id="listCaptures", summary="Where bodies are captured now")
async def list_captures(requests: Service, _principal: Anyone) -> Page[Capture]:
    """Everybody may know of which deployments an administrator captures bodies."""
    return Page(items=[*requests.captures()])


@router.put(
    "/capture/{deployment}", operation_id="startCapture", summary="Capture bodies for a while"
)
async def start_capture(
    requests: Service, principal: Administrator, deployment: Name, asked: CaptureStart
) -> Capture:
    """Keep what is asked and answered, for debugging: redacted, up to 64 KiB each, in memory."""
    return await requests.start_capture(principal, deployment, asked)


@router.delete(
    "/capture/{deployment}",
    operation_id="stopCapture",
    summary="Capture no more",
    status_code=204,
)
async def stop_capture(
    requests: Service,
    _principal: Administrator,
    deployment: Name,
    erase: Annotated[bool, Query(description="Forget the bodies that were captured.")] = False,
) -> Response:
    """End a capture. What was captured stays until it expires, unless it is to be erased."""
    requests.stop_capture(deployment, erase=erase)
    return Response(status_code=204)


@router.get("/{request_id}", operation_id="getRequest", summary="One request")
async def get_request(requests: Service, principal: Anyone, request_id: RequestId) -> RequestView:
    """The newest with this id. Members see their own, others everybody's."""
    return await requests.get(principal, request_id)


@router.post(
    "/{request_id}/cancel",
    operation_id="cancelRequest",
    summary="Break a request off",
    status_code=202,
)
async def cancel_request(requests: Service, principal: User, request_id: RequestId) -> RequestView:
    """Within a second its engine works on it no more, and its client is told `request_cancelled`.

    Members cancel their own, operators and administrators any.
    """
    return await requests.cancel(principal, request_id)


@router.post(
    "/{request_id}/reveal", operation_id="revealBodies", summary="Read what was captured of it"
)
async def reveal_bodies(
    requests: Service, _principal: Administrator, request_id: RequestId
) -> RequestBodies:
    """A POST, since who reads other people's words is written into the audit log."""
    return requests.bodies(request_id)
