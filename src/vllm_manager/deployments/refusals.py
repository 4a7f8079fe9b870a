"""Why a call on a deployment is refused, in words for people."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from vllm_manager.deployments.schemas import DeploymentSpec
from vllm_manager.deployments.tables import DeploymentRow
from vllm_manager.kit.errors import FieldError, Problem, ProblemDetails, invalid


def name_taken(row: DeploymentRow) -> Problem:
    """Return the problem of a create whose name another deployment has."""
    if row.desired == "deleted":
        return Problem(
            "name_being_deleted",
            f"A deployment “{row.name}” is still being deleted. Try again in a few seconds.",
            status=409,
            retryable=True,
            retry_after_seconds=5,
        )
    return Problem(
        "name_taken",
        f"There is already a deployment “{row.name}”. Choose another name, or change that one.",
        status=409,
    )


def deleted_since(name: str) -> Problem:
    """Return the problem of a repeated create whose deployment is gone."""
    return Problem(
        "deployment_deleted",
        f"This Idempotency-Key created “{name}”, which was deleted since. To create it again, "
        "use a new key.",
        status=409,
    )


def checked(fields: Mapping[str, Any]) -> DeploymentSpec:
    """Return these fields as a spec.

    Raises:
        Problem: one is wrong, or missing (422).
    """
    return changed({}, fields)


def no_config(name: str) -> Problem:
    """Return the problem of a start with a config's version, of a deployment that has none."""
    message = f"“{name}” was made from no config, so it has no versions to choose from."
    return invalid([FieldError(field="config_version", message=message)])


def changed_meanwhile(name: str) -> Problem:
    """Return the problem of a call whose deployment is changed again and again meanwhile."""
    return Problem(
        "deployment_changed",
        f"“{name}” was changed by somebody else at the same moment. Look at it, then try again.",
        status=409,
        retryable=True,
        retry_after_seconds=1,
    )


def of_details(details: ProblemDetails) -> Problem:
    """Return a problem that was put into words elsewhere, to be raised here."""
    problem = Problem(details.code, details.detail, status=details.status)
    problem.details = details
    return problem


def changed(spec: Mapping[str, Any], fields: Mapping[str, Any]) -> DeploymentSpec:
    """Return the spec with these fields.

    Raises:
        Problem: a field that must have a value would have none (422).
    """
    try:
        return DeploymentSpec.model_validate({**spec, **fields})
    except ValidationError as error:
        wrong = [(".".join(str(part) for part in e["loc"]), e["msg"]) for e in error.errors()]
        raise invalid([FieldError(field=path, message=f"{why}.") for path, why in wrong]) from error


def refuse_if_deleting(row: DeploymentRow) -> None:
    """Refuse what only a deployment that stays can do.

    Raises:
        Problem: it is being deleted (409).
    """
    if row.desired == "deleted":
        raise Problem(
            "deployment_deleting",
            f"Deployment “{row.name}” is being deleted. Create it again once it is gone.",
            status=409,
        )
