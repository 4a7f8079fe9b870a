"""Completes the OpenAPI document that FastAPI makes: tags, problems, the same on every machine."""

from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

import vllm_manager
from vllm_manager.api.examples import EXAMPLES
from vllm_manager.api.problems import MEDIA_TYPE
from vllm_manager.auth import ROLES, Role
from vllm_manager.auth.guard import RequiredRole
from vllm_manager.kit.errors import Problem, ProblemDetails

_METHODS = ("get", "post", "put", "patch", "delete")
_ABOUT = (
    "Deploy, serve and watch large language models with vLLM on Ray Serve. Errors are problem "
    "details (RFC 9457). Lists are pages: `{items, next_cursor}`. Times are RFC 3339 in UTC. "
    "Unknown is `null`."
)
_TAGS = [
    {"name": "deployments", "description": "Models that run, or should."},
    {"name": "downloads", "description": "Models on their way here."},
    {"name": "models", "description": "Models on disk."},
    {"name": "operations", "description": "Long work that was accepted."},
    {"name": "configs", "description": "Named, versioned recipes for deployments."},
    {"name": "fit", "description": "Whether a model fits the memory that is there."},
    {"name": "engine", "description": "What the installed engine understands."},
    {"name": "events", "description": "Changes as they happen."},
    {"name": "nodes", "description": "The machines of the Ray cluster."},
    {
        "name": "catalog",
        "description": "Models on the hub, what is known of each, and the token to have them with.",
    },
    {"name": "hardware", "description": "This machine: processors, memory, GPUs, disks."},
    {"name": "access", "description": "Logging in and out, and one's own logins."},
    {"name": "users", "description": "Users, invitations and teams."},
    {"name": "keys", "description": "API keys: shown once, kept as fingerprints."},
    {"name": "limits", "description": "Who may use how much."},
    {"name": "audit", "description": "Who did what to what, when and from where."},
    {"name": "usage", "description": "Requests and tokens."},
    {"name": "metrics", "description": "What was measured, now and over time."},
    {"name": "system", "description": "The product itself."},
]
_PROBLEMS = {
    "401": ("not_authenticated", "Log in, or send an API key as `Authorization: Bearer vm-…`."),
    "403": ("forbidden", "This credential may not do this, or its CSRF token is missing."),
    "404": ("not_found", "There is nothing of this name."),
    "409": ("name_taken", "It is in a state, or there is something, that forbids this."),
    "413": ("body_too_large", "The body is larger than 1 MiB, the limit here."),
    "422": ("invalid_request", "A field is wrong; `errors` says which and why."),
    "429": ("too_many_attempts", "Wait, then try again."),
    "503": ("database_busy", "Not possible now; try again after `retry_after_seconds`."),
}


def install(app: FastAPI) -> None:
    """Make `app.openapi` return the complete document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = build(app)
        return app.openapi_schema

    app.openapi = document


def build(app: FastAPI) -> dict[str, Any]:
    """Return the document of the application's routes."""
    schema = get_openapi(
        title="vLLM Manager",
        version=vllm_manager.__version__,
        description=_ABOUT,
        routes=app.routes,
        tags=_TAGS,
    )
    schemas = schema["components"]["schemas"]
    problem = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["ProblemDetails"] = problem
    for name, example in EXAMPLES.items():
        schemas[name].setdefault("examples", [example])
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for path, item in schema["paths"].items():
        for method in _METHODS:
            if method in item:
                _describe_problems(path, item[method])
    _describe_roles(app, schema["paths"])
    return schema


def _describe_roles(app: FastAPI, paths: dict[str, Any]) -> None:
    """Say for each operation, as `x-roles`, who may call it; nothing where anybody may."""
    for context in iter_route_contexts(app.routes):
        for method in context.methods or ():
            operation = paths.get(context.path_format or "", {}).get(method.lower())
            roles = _roles_of(context.dependant) if operation else None
            if operation and roles is not None:
                operation["x-roles"] = roles


def _roles_of(dependant: Dependant) -> list[Role] | None:
    """Return the roles that every guard on the way lets in; None where there is no such guard."""
    guards = _guards_of(dependant)
    return [role for role in ROLES if all(role in g.roles for g in guards)] if guards else None


def _guards_of(dependant: Dependant) -> list[RequiredRole]:
    own = [dependant.call] if isinstance(dependant.call, RequiredRole) else []
    return own + [guard for each in dependant.dependencies for guard in _guards_of(each)]


def _describe_problems(path: str, operation: dict[str, Any]) -> None:
    """Document the problems that the operation can answer with."""
    responses: dict[str, Any] = operation["responses"]
    takes_input = "422" in responses or "requestBody" in operation
    statuses = ["503"]
    statuses += [status for status in responses if status[0] in "45"]
    if operation["operationId"] in ("login", "acceptLink"):
        statuses += ["401", "403", "429"]
    if operation.get("security"):
        statuses.append("401")
    if operation.get("security"):
        statuses.append("403")
    if "{" in path:
        statuses.append("404")
    if takes_input:
        statuses.append("422")
    for status in sorted(set(statuses)):
        responses[status] = _problem_response(status)
    responses["default"] = {
        "description": "Any other problem.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    }


def _problem_response(status: str) -> dict[str, Any]:
    code, detail = _PROBLEMS[status]
    example = Problem(code, detail, status=int(status)).details.model_dump(mode="json")
    return {
        "description": detail,
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/ProblemDetails"},
                "example": {**example, "request_id": "req_01kb2m3n4p5q6r7s8t9v0w1x2y"},
            }
        },
    }
