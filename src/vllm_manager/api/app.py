"""The control plane's application: every room's routes under one shell."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI

import vllm_manager
from vllm_manager.api import description, diagnostics, docs, events, problems, system, ui
from vllm_manager.api.auditing import Auditing, audited
from vllm_manager.api.bodies import BodyGuard
from vllm_manager.api.metrics import RequestCounts
from vllm_manager.api.shell import Shell
from vllm_manager.api.wiring import attach, running
from vllm_manager.audit import routes as audit_routes
from vllm_manager.auth import routes as auth_routes
from vllm_manager.auth.guard import require_internal, require_report, require_user
from vllm_manager.auth.keys import routes as key_routes
from vllm_manager.auth.oidc import routes as oidc_routes
from vllm_manager.auth.teams import routes as team_routes
from vllm_manager.auth.users import routes as user_routes
from vllm_manager.catalog import routes as catalog_routes
from vllm_manager.cluster import routes as cluster_routes
from vllm_manager.configs import routes as config_routes
from vllm_manager.configs.fit import routes as fit_routes
from vllm_manager.deployments import routes as deployment_routes
from vllm_manager.downloads import routes as download_routes
from vllm_manager.downloads.library import routes as library_routes
from vllm_manager.gateway import control_routes
from vllm_manager.gateway.requests import routes as request_routes
from vllm_manager.hardware import routes as hardware_routes
from vllm_manager.kit.clock import Clock, SystemClock
from vllm_manager.limits import routes as limits_routes
from vllm_manager.limits.policies import routes as policy_routes
from vllm_manager.limits.prices import routes as price_routes
from vllm_manager.monitoring.alerts import routes as alert_routes
from vllm_manager.monitoring.logs import routes as log_routes
from vllm_manager.monitoring.prometheus import routes as prometheus_routes
from vllm_manager.monitoring.samples import routes as sample_routes
from vllm_manager.monitoring.slowness import routes as slowness_routes
from vllm_manager.operations import routes as operation_routes
from vllm_manager.settings import Settings

_OPEN: tuple[APIRouter, ...] = (
    auth_routes.router,
    oidc_routes.router,
    events.router,
    system.router,
    docs.router,
)
"""Routers that say themselves who may come in."""

_FOR_USERS: tuple[APIRouter, ...] = (
    auth_routes.own_router,
    user_routes.router,
    user_routes.invitation_router,
    team_routes.router,
    key_routes.router,
    policy_routes.router,
    audit_routes.router,
    diagnostics.router,
    deployment_routes.router,
    download_routes.router,
    library_routes.router,
    operation_routes.router,
    config_routes.router,
    config_routes.config_router,
    fit_routes.router,
    catalog_routes.router,
    cluster_routes.router,
    hardware_routes.router,
    price_routes.router,
    limits_routes.router,
    alert_routes.router,
    prometheus_routes.router,
    sample_routes.router,
    request_routes.router,
    log_routes.router,
    slowness_routes.router,
)
_FOR_GATEWAY: tuple[APIRouter, ...] = (control_routes.router,)
_FOR_REPLICAS: tuple[APIRouter, ...] = (
    deployment_routes.report_router,
    cluster_routes.report_router,
)


def create_app(settings: Settings, clock: Clock | None = None, static: Path = ui.STATIC) -> FastAPI:
    """Return the application; nothing is opened or started before its lifespan is."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with running(settings, clock or SystemClock()) as services:
            attach(app, services)
            yield

    app = FastAPI(
        title="vLLM Manager",
        version=vllm_manager.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.static = static
    app.state.settings = settings
    app.state.request_counts = RequestCounts()
    problems.install(app)
    description.install(app)
    _include(app)
    app.add_middleware(Auditing)
    app.add_middleware(BodyGuard)
    app.add_middleware(Shell, count=app.state.request_counts.add)
    return app


def _include(app: FastAPI) -> None:
    for router in _OPEN:
        app.include_router(router, dependencies=[Depends(audited)])
    for router in _FOR_USERS:
        app.include_router(router, dependencies=[Depends(require_user), Depends(audited)])
    for routers, guard in ((_FOR_GATEWAY, require_internal), (_FOR_REPLICAS, require_report)):
        for router in routers:
            app.include_router(router, dependencies=[Depends(guard)])
