"""Following a deployment until it is where it was sent: phases as they pass, with their times."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.markup import escape

from vllm_manager.cli.client import Client, Json, as_object, deployment_path
from vllm_manager.cli.output import elapsed, err, size, state
from vllm_manager.kit.errors import Problem, ProblemDetails

_POLL_SECONDS = 0.4
_FINISHED = ("succeeded", "failed", "cancelled")


def look(client: Client, name: str) -> Json | None:
    """Return a deployment, or None where there is none."""
    try:
        return client.get(deployment_path(name))
    except Problem as problem:
        if problem.details.status == 404:
            return None
        raise


def fetched(deployment: Json) -> str | None:
    """Return how far the download is that a deployment waits for; None where it waits for none."""
    fetch = as_object(deployment.get("fetch"))
    if fetch is None or fetch["state"] != "running" or fetch["bytes_total"] is None:
        return None
    done = f"{size(fetch['bytes_done'])} of {size(fetch['bytes_total'])}"
    speed = (
        f"{size(round(fetch['bytes_per_second']))}/s" if fetch["bytes_per_second"] else "stalled"
    )
    left = f", {elapsed(fetch['eta_seconds'])} left" if fetch["eta_seconds"] else ""
    return f"{deployment['spec']['model']}: {done}, {speed}{left}"


def start_of(deployment: Json) -> str | None:
    """Return how a ready deployment's engine was started, and the seconds of each phase, in words.

    None where it is not ready, or its start was not seen.
    """
    if deployment["phase"] != "ready" or not deployment.get("how"):
        return None
    why = f" ({deployment['how_reason']})" if deployment.get("how_reason") else ""
    measured = [
        s for s in deployment.get("timeline") or () if s["seconds"] and s["state"] == "done"
    ]
    steps = ", ".join(f"{step['phase']} {elapsed(step['seconds'])}" for step in measured)
    return f"{deployment['how']} start{why}" + (f": {steps}" if steps else "")


class Phases:
    """Prints a line for each phase that ends, and keeps the running one on the screen."""

    def __init__(self, start: float | None = None) -> None:
        self._phase: str | None = None
        self._start = start or time.monotonic()
        self._entered = self._start
        self._status = err.status("…") if err.is_terminal else None

    @contextmanager
    def shown(self) -> Generator[None]:
        if self._status is None:
            yield
            return
        with self._status:
            yield

    def show(self, deployment: Json) -> None:
        phase, now = str(deployment["phase"]), time.monotonic()
        if phase != self._phase:
            self._finish(now)
            self._phase, self._entered = phase, now
            if not err.is_terminal:
                err.print(f"  {phase}: {escape(str(deployment.get('reason') or ''))}".rstrip(": "))
        if self._status is not None:
            reason = escape(fetched(deployment) or str(deployment.get("reason") or ""))
            self._status.update(f"{state(phase)}  {reason}  {elapsed(now - self._start)}")

    def _finish(self, now: float) -> None:
        if self._phase is not None and err.is_terminal:
            err.print(f"  {self._phase:<12} {elapsed(now - self._entered)}", style="dim")


def _finished(client: Client, operation: str) -> Json | None:
    found = client.get(f"/api/v1/operations/{operation}")
    return found if found["status"] in _FINISHED else None


def until_settled(client: Client, operation: Json) -> Json:
    """Wait until an operation is over, however it ends; return it as it is then."""
    while operation["status"] not in _FINISHED:
        time.sleep(_POLL_SECONDS)
        operation = client.get(f"/api/v1/operations/{operation['id']}")
    return operation


def _failure(name: str, finished: Json, deployment: Json | None) -> Problem:
    error = finished.get("error") or (deployment or {}).get("last_error")
    message = str(finished.get("message") or f"{name}: it did not succeed ({finished['status']}).")
    problem = Problem("operation_failed", message, status=500)
    if as_object(error):
        problem.details = ProblemDetails.model_validate(error)
    return problem


def follow_operation(client: Client, name: str, operation: str) -> Json | None:
    """Wait until an operation is finished; return the deployment as it is then, None if deleted.

    Raises:
        Problem: it failed; the problem is the deployment's own.
    """
    phases = Phases()
    with phases.shown():
        while True:
            finished = _finished(client, operation)
            deployment = look(client, name)
            if deployment:
                phases.show(deployment)
            if finished and finished["status"] == "succeeded":
                return deployment
            if finished:
                raise _failure(name, finished, deployment)
            time.sleep(_POLL_SECONDS)


def follow_until_ready(client: Client, name: str) -> Json | None:
    """Wait until a deployment is ready; return it, or as it is where it won't become ready.

    None where it has gone.
    """
    phases = Phases()
    with phases.shown():
        while deployment := look(client, name):
            phases.show(deployment)
            if deployment["phase"] in ("ready", "failed", "stopped", "deleting"):
                return deployment
            time.sleep(_POLL_SECONDS)
    return None
