"""Turns errors into problem documents (RFC 9457): the only shape of an error under /api."""

import logging
import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from vllm_manager.api import ui
from vllm_manager.kit.errors import FieldError, Problem, ProblemDetails, invalid

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_MESSAGES = {
    "missing": "This is required.",
    "int_parsing": "Must be a whole number.",
    "int_type": "Must be a whole number.",
    "int_from_float": "Must be a whole number.",
    "float_parsing": "Must be a number.",
    "float_type": "Must be a number.",
    "bool_parsing": "Must be true or false.",
    "bool_type": "Must be true or false.",
    "string_type": "Must be text.",
    "dict_type": "Must be an object.",
    "list_type": "Must be a list.",
    "model_attributes_type": "Must be an object.",
    "model_type": "Must be an object.",
}
_TITLES = {
    400: ("bad_request", "The request can't be understood."),
    404: ("route_not_found", "There is nothing at this address. See /docs for what there is."),
    405: ("method_not_allowed", "This address does not know the method. See /docs."),
}


def answer(
    problem: ProblemDetails, request_id: str | None, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the response that carries `problem`."""
    document = problem.model_copy(update={"request_id": request_id})
    extra = dict(headers or {})
    if problem.retry_after_seconds is not None:
        extra["retry-after"] = str(max(1, math.ceil(problem.retry_after_seconds)))
    if problem.status == 401:
        extra["www-authenticate"] = "Bearer"
    return Response(document.model_dump_json(), problem.status, extra, MEDIA_TYPE)


def unexpected() -> ProblemDetails:
    """Return what is said of an error that nobody foresaw; the cause is in the log alone."""
    return Problem(
        "internal_error",
        "Something failed that should not have. Nothing was changed half-way; try again, and if "
        "it stays, look for the request id in the control plane's log.",
        status=500,
        title="Internal error",
        retryable=True,
    ).details


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    for error in (OperationalError, InterfaceError, PoolTimeoutError):
        app.add_exception_handler(error, _on_database)


def _request_id(request: Request) -> str | None:
    return getattr(request.state, "request_id", None)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answer(error.details, _request_id(request))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404 and ui.is_for_people(request):
        page = ui.respond(request)
        if page is not None:
            return page
    code, detail = _TITLES.get(error.status_code, ("http_error", str(error.detail)))
    problem = Problem(code, detail, status=error.status_code)
    return answer(problem.details, _request_id(request), error.headers)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    model = _body_model(request)
    problem = invalid([_field_error(found, model) for found in error.errors()])
    return answer(problem.details, _request_id(request))


async def _on_database(request: Request, error: Exception) -> Response:
    log.error("The database did not answer (request %s): %s", _request_id(request), error)
    full = "full" in str(error).lower()
    problem = Problem(
        "storage_full" if full else "database_busy",
        "The disk that holds the database is full. Free some space; nothing else is needed."
        if full
        else "The database did not answer in time. Nothing was changed; try again shortly.",
        status=503,
        retryable=True,
        retry_after_seconds=5,
    )
    return answer(problem.details, _request_id(request))


def _field_error(found: Mapping[str, Any], model: type[BaseModel] | None) -> FieldError:
    where, *path = found["loc"]
    field = ".".join(str(part) for part in path) or str(where)
    if found["type"] == "extra_forbidden":
        return _unknown_field(field, path, model)
    message = _MESSAGES.get(found["type"]) or _sentence(found["msg"])
    return FieldError(field=field, message=message, suggestion=None)


def _unknown_field(field: str, path: list[Any], model: type[BaseModel] | None) -> FieldError:
    known = _known_fields(model, path[:-1])
    near = get_close_matches(str(path[-1]), known, n=1) if path else []
    hint = f" Did you mean “{near[0]}”?" if near else ""
    if known and not near:
        hint = f" Known: {', '.join(known)}."
    return FieldError(
        field=field, message=f"There is no such field.{hint}", suggestion=near[0] if near else None
    )


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ").removeprefix("Input should be ")
    if text != message and not message.startswith("Value error"):
        text = f"Must be {text}"
    return text if text.endswith(".") else f"{text}."


def _body_model(request: Request) -> type[BaseModel] | None:
    """Return the model of the body that the route expects, where it has one."""
    body = getattr(request.scope.get("route"), "body_field", None)
    return _model_in(getattr(getattr(body, "field_info", None), "annotation", None))


def _known_fields(model: type[BaseModel] | None, path: list[Any]) -> list[str]:
    """Return the field names of the object at `path` within a body of type `model`."""
    for part in path:
        field = model.model_fields.get(str(part)) if model else None
        model = _model_in(field.annotation) if field else None
    return sorted(model.model_fields) if model else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
