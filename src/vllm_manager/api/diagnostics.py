"""One archive for support: what this server knows, and what lies on its disk."""

import asyncio
import logging
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from vllm_manager.api import system
from vllm_manager.audit import AuditLog
from vllm_manager.auth.guard import ADMINISTRATORS
from vllm_manager.deployments import Deployments
from vllm_manager.hardware import Hardware
from vllm_manager.kit.errors import Problem
from vllm_manager.monitoring.bundle import LIVE_FOLDER, Part, build
from vllm_manager.operations import Operations
from vllm_manager.settings import Settings

log = logging.getLogger(__name__)
router = APIRouter(prefix="/api/v1", tags=["system"], dependencies=[Depends(ADMINISTRATORS)])

_EVENTS = 50
_WITHIN_SECONDS = 10.0
_LOCKED = "Secret values of {} can't be opened, and so were not looked for one by one."
_one_at_a_time = asyncio.Lock()


@router.get(
    "/diagnostics",
    operation_id="getDiagnostics",
    summary="One redacted archive of what support needs",
    response_class=FileResponse,
    responses={
        200: {
            "description": "A .tar.gz; its manifest says what was left out, and why.",
            "content": {
                "application/gzip": {
                    "schema": {"type": "string", "format": "binary"},
                    "example": "(a gzip archive)",
                }
            },
        }
    },
)
async def get_diagnostics(request: Request) -> FileResponse:
    settings: Settings = request.app.state.settings
    async with _one_at_a_time:
        live = [await _part(name, told) for name, told in _sources(request).items()]
        secrets, locked = await request.app.state.deployments.secret_values()
        if locked:
            live.append(Part("sealed-values", None, _LOCKED.format(", ".join(locked))))
        folder = Path(tempfile.mkdtemp(prefix="vllm-manager-diagnostics-"))
        file = folder / "diagnostics.tar.gz"
        try:
            await asyncio.to_thread(build, file, settings, live, secrets)
        except BaseException:
            _forget(folder)
            raise
    return FileResponse(
        file,
        media_type="application/gzip",
        filename="vllm-manager-diagnostics.tar.gz",
        background=BackgroundTask(_forget, folder),
    )


def _sources(request: Request) -> dict[str, Callable[[], Awaitable[object]]]:
    state = request.app.state
    deployments: Deployments = state.deployments
    audit: AuditLog = state.audit
    hardware: Hardware = state.hardware
    operations: Operations = state.operations

    async def metrics() -> str:
        return bytes((await system.get_metrics(request)).body).decode()

    async def events() -> object:
        return {
            v.name: (await deployments.events(v.name, _EVENTS, None)).items for v in await all_()
        }

    async def replicas() -> object:
        return {v.name: (await deployments.replicas(v.name)).items for v in await all_()}

    async def recent() -> object:
        return (await operations.list(limit=100)).items

    all_ = deployments.views
    return {
        "system.json": lambda: system.get_system(request),
        "hardware.json": hardware.snapshot,
        "deployments.json": all_,
        "events.json": events,
        "replicas.json": replicas,
        "operations.json": recent,
        "downloads.json": state.downloads.views,
        "audit-verification.json": audit.verify,
        "metrics.txt": metrics,
    }


async def _part(name: str, told: Callable[[], Awaitable[object]]) -> Part:
    """Ask one source; that one fails, or takes too long, must not keep the others out."""
    path = f"{LIVE_FOLDER}/{name}"
    try:
        async with asyncio.timeout(_WITHIN_SECONDS):
            answer = await told()
    except TimeoutError:
        return Part(path, None, f"It did not answer within {_WITHIN_SECONDS:g} s.")
    except Problem as problem:
        return Part(path, None, problem.details.detail)
    except Exception as error:
        log.exception("%s could not be told for the diagnostics", name)
        return Part(path, None, f"{type(error).__name__}: {error}")
    if isinstance(answer, str):
        return Part(path, answer)
    return Part(path, orjson.dumps(answer, default=_plain, option=orjson.OPT_INDENT_2).decode())


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(type(value).__name__)


def _forget(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
