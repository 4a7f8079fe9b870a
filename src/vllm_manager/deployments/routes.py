"""HTTP routes of deployments, and of the reports of their replicas."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from vllm_manager.auth.guard import ANYONE, OPERATORS, Anyone, Operator
from vllm_manager.deployments.logs import Form, LogQuery
from vllm_manager.deployments.reports import ReportAnswer
from vllm_manager.deployments.schemas import (
    Deployment,
    DeploymentAccepted,
    DeploymentChange,
    DeploymentEvent,
    DeploymentRequest,
    LogAttempt,
    LogLine,
    Replica,
    StartRequest,
)
from vllm_manager.deployments.service import Deployments
from vllm_manager.deployments.states import Phase
from vllm_manager.deployments.views import without_values
from vllm_manager.kit.paging import MAX_LIMIT, Page
from vllm_manager.operations import IdempotencyKey

router = APIRouter(
    prefix="/api/v1/deployments", tags=["deployments"], dependencies=[Depends(ANYONE)]
)
report_router = APIRouter(prefix="/internal/v1", include_in_schema=False)


def deployments_of(request: Request) -> Deployments:
    """Return the service that `api.wiring` placed on the application."""
    return request.app.state.deployments


Service = Annotated[Deployments, Depends(deployments_of)]
DeploymentName = Annotated[str, Path(max_length=63, description="The deployment's name.")]
Generation = Annotated[
    int | None, Query(ge=1, description="Each start is one; an attempt is a try within it.")
]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]


_NEWEST = StartRequest()
_FORMS: dict[Form, tuple[str, str]] = {
    "text": ("log", "text/plain; charset=utf-8"),
    "jsonl": ("jsonl", "application/x-ndjson"),
}


@router.get(
    "",
    operation_id="listDeployments",
    summary="List deployments by name",
    response_model=Page[Deployment],
)
async def list_deployments(
    deployments: Service,
    user: Anyone,
    limit: Limit = 100,
    cursor: str | None = None,
    q: Annotated[str | None, Query(max_length=63, description="Part of the name.")] = None,
    phase: Phase | None = None,
) -> Response:
    page = await deployments.list(limit, cursor, q, phase)
    items = page.items if user.role in OPERATORS.roles else [_without_values(i) for i in page.items]
    cursor_json = b"null" if page.next_cursor is None else b'"%s"' % page.next_cursor.encode()
    body = b'{"items":[' + b",".join(items) + b'],"next_cursor":' + cursor_json + b"}"
    return Response(body, media_type="application/json")


@router.post(
    "",
    operation_id="createDeployment",
    summary="Deploy a model",
    status_code=202,
    responses={409: {"description": "The name is taken."}},
)
async def create_deployment(
    asked: DeploymentRequest,
    user: Operator,
    deployments: Service,
    idempotency_key: Annotated[
        str | None, Header(description="Requests with the same key create one deployment.")
    ] = None,
) -> DeploymentAccepted:
    key = None
    if idempotency_key is not None:
        key = IdempotencyKey(idempotency_key, user.user_id, asked.model_dump_json())
    return await deployments.create(asked, key)


@router.get("/{name}", operation_id="getDeployment", summary="Read one deployment")
async def get_deployment(name: DeploymentName, deployments: Service, user: Anyone) -> Deployment:
    view = await deployments.get(name)
    if user.role in OPERATORS.roles:
        return view
    return Deployment.model_validate(without_values(view.model_dump(mode="json")))


@router.patch(
    "/{name}",
    operation_id="changeDeployment",
    dependencies=[Depends(OPERATORS)],
    summary="Change a deployment",
)
async def change_deployment(
    name: DeploymentName, change: DeploymentChange, deployments: Service
) -> Deployment:
    return await deployments.change(name, change)


@router.delete(
    "/{name}",
    operation_id="deleteDeployment",
    dependencies=[Depends(OPERATORS)],
    summary="Delete a deployment",
    status_code=202,
)
async def delete_deployment(name: DeploymentName, deployments: Service) -> DeploymentAccepted:
    return await deployments.delete(name)


@router.post(
    "/{name}/start",
    operation_id="startDeployment",
    dependencies=[Depends(OPERATORS)],
    summary="Start a deployment",
    status_code=202,
)
async def start_deployment(
    name: DeploymentName, deployments: Service, asked: StartRequest = _NEWEST
) -> DeploymentAccepted:
    return await deployments.start(name, asked)


@router.post(
    "/{name}/stop",
    operation_id="stopDeployment",
    dependencies=[Depends(OPERATORS)],
    summary="Stop a deployment",
    status_code=202,
)
async def stop_deployment(name: DeploymentName, deployments: Service) -> DeploymentAccepted:
    return await deployments.stop(name)


@router.post(
    "/{name}/restart",
    operation_id="restartDeployment",
    dependencies=[Depends(OPERATORS)],
    summary="Restart a deployment with its present spec and the newest version of its config",
    status_code=202,
)
async def restart_deployment(
    name: DeploymentName, deployments: Service, asked: StartRequest = _NEWEST
) -> DeploymentAccepted:
    return await deployments.restart(name, asked)


@router.get("/{name}/replicas", operation_id="listReplicas", summary="List a deployment's replicas")
async def list_replicas(name: DeploymentName, deployments: Service) -> Page[Replica]:
    return await deployments.replicas(name)


@router.get(
    "/{name}/logs",
    operation_id="listLogLines",
    summary="Read the engine's output, newest page first",
)
async def list_log_lines(
    name: DeploymentName,
    deployments: Service,
    limit: Limit = 200,
    before: Annotated[str | None, Query(description="The cursor of the page below.")] = None,
    replica: str | None = None,
    attempt: Annotated[int | None, Query(ge=1)] = None,
    generation: Generation = None,
    q: Annotated[str | None, Query(max_length=200, description="Text in the line.")] = None,
) -> Page[LogLine]:
    return await deployments.logs(name, LogQuery(limit, replica, attempt, before, q, generation))


@router.get(
    "/{name}/logs/attempts",
    operation_id="listLogAttempts",
    summary="List the tries of each replica whose output is kept, newest first",
)
async def list_log_attempts(name: DeploymentName, deployments: Service) -> Page[LogAttempt]:
    return await deployments.log_attempts(name)


@router.get(
    "/{name}/logs/download",
    operation_id="downloadLog",
    summary="Take the engine's output out, oldest line first",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Lines of text, or of JSON.",
            "content": {
                "text/plain": {"example": "2026-11-23T10:00:00.123Z INFO Starting\n"},
                "application/x-ndjson": {
                    "schema": {"type": "string"},
                    "example": '{"number": 1, "at": "2026-11-23T10:00:00.123Z", "text": "…"}\n',
                },
            },
        }
    },
)
async def download_log(
    name: DeploymentName,
    deployments: Service,
    replica: str | None = None,
    attempt: Annotated[int | None, Query(ge=1)] = None,
    generation: Generation = None,
    q: Annotated[str | None, Query(max_length=200, description="Text in the line.")] = None,
    form: Annotated[Form, Query(alias="format")] = "text",
) -> StreamingResponse:
    query = LogQuery(0, replica, attempt, None, q, generation)
    pieces = await deployments.log_stream(name, query, form)
    ending, media_type = _FORMS[form]
    disposition = f'attachment; filename="{name}.{ending}"'
    return StreamingResponse(
        pieces, media_type=media_type, headers={"content-disposition": disposition}
    )


@router.get(
    "/{name}/events",
    operation_id="listDeploymentEvents",
    summary="Read what happened to a deployment, newest first",
)
async def list_deployment_events(
    name: DeploymentName, deployments: Service, limit: Limit = 50, cursor: str | None = None
) -> Page[DeploymentEvent]:
    return await deployments.events(name, limit, cursor)


def _without_values(data: bytes) -> bytes:
    return orjson.dumps(without_values(orjson.loads(data)))


@report_router.post("/reports")
async def take_report(request: Request, deployments: Service) -> ReportAnswer:
    return await deployments.report(await deployments.read_report(await request.body()))
