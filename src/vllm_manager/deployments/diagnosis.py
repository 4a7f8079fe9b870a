"""From a failure to a problem: what happened, the line that proves it, what mends it (pure)."""

from typing import Final

from vllm_manager.deployments.known_failures import FAILURES, Known, Way
from vllm_manager.deployments.observed import Failure, SettingValue
from vllm_manager.kit.errors import Cause, Problem, ProblemDetails, Remedy

_RESTART = Remedy(label="Restart", action="restart")
_UNKNOWN: Final = Known("The engine stopped", "retry")


def explain(failure: Failure, name: str, *, given_up: bool, failures: int) -> ProblemDetails:
    """Return the problem that a person sees for a failure of deployment `name`."""
    if failure.problem is not None:
        return failure.problem
    known = FAILURES.get(failure.code, _UNKNOWN)
    tried = ""
    if given_up:
        tried = (
            " It will not be tried again by itself."
            if failures <= 1
            else (f" It failed {failures} times in a row and will not be tried again by itself.")
        )
    problem = Problem(
        failure.code,
        f"{failure.detail}{tried}",
        status=503,
        title=known.title,
        retryable=not given_up,
        causes=_causes(failure),
        remediation=[*_suggested(failure), *_ways(known.way, failure, name)],
    )
    return problem.details


def _causes(failure: Failure) -> list[Cause]:
    causes = [Cause(message=_ending(failure), evidence=failure.evidence)]
    if failure.tail is not None:
        causes.append(Cause(message="The engine's last lines:", evidence=failure.tail))
    return causes


def _ending(failure: Failure) -> str:
    if failure.signal is not None:
        killed = ""
        if failure.signal == 9 and failure.code not in ("was_killed", "host_out_of_memory"):
            killed = " (SIGKILL: often the system's out-of-memory killer)"
        return f"The engine was ended by signal {failure.signal}{killed}."
    if failure.exit_code is not None:
        return f"The engine exited with code {failure.exit_code}."
    return failure.detail


def _suggested(failure: Failure) -> list[Remedy]:
    """Return a button for each setting that is known to work."""
    first = [] if failure.suggestion is None else [failure.suggestion]
    return [_setting(argument, value) for argument, value in (*first, *failure.alternatives)]


def _setting(argument: str, value: SettingValue) -> Remedy:
    label = f"Set {argument} to {value} and retry"
    if value is None:
        label = f"Take out {argument} and retry"
    arguments = {"name": argument, "value": value}
    return Remedy(label=label, action="set_argument", arguments=arguments)


def _open(label: str, path: str) -> Remedy:
    return Remedy(label=label, action="open", arguments={"path": path})


def _ways(way: Way, failure: Failure, name: str) -> list[Remedy]:
    page = f"/deployments/{name}"
    logs = _open("Read the logs", f"{page}?tab=logs")
    change = _open("Change the arguments", f"{page}?tab=config")
    has_setting = failure.suggestion is not None
    advice: dict[Way, list[Remedy]] = {
        "arguments": [change, logs],
        "context": [logs] if has_setting else [Remedy(label="Set a smaller max_model_len"), logs],
        "memory": [
            Remedy(label="Set a smaller max_model_len, or more GPUs per replica"),
            _open("Stop another deployment", "/deployments"),
            _RESTART,
            logs,
        ],
        "files": [_open("Verify or download again", "/models/library"), _RESTART, logs],
        "token": [_open("Set a Hugging Face token", "/settings"), _RESTART, logs],
        "hub": [_open("Download the model first", "/models"), _RESTART, logs],
        "node": [Remedy(label="Run `vllm-manager doctor` on that node"), _RESTART, logs],
        "room": [
            Remedy(label="Reserve less, or stop another deployment"),
            _open("Change the resources", f"{page}?tab=config"),
        ],
        "retry": [_RESTART, logs],
        "model": [change, _open("Choose another model", "/models"), logs],
        "gpu": [_open("Look at the GPUs", "/cluster"), _RESTART, logs],
    }
    return advice[way]
