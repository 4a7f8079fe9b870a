"""From a failure to a problem: what happened, the line that proves it, what mends it (pure)."""

from collections.abc import Callable
from typing import Final

from vllm_manager.deployments.observed import Failure
from vllm_manager.kit.errors import Cause, Problem, ProblemDetails, Remedy

_RESTART = Remedy(label="Restart", action="restart")


def explain(failure: Failure, name: str, *, given_up: bool, failures: int) -> ProblemDetails:
    """Return the problem that a person sees for a failure of deployment `name`."""
    if failure.problem is not None:
        return failure.problem
    title, advise = _KNOWN.get(failure.code, ("The engine stopped", _try_again))
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
        title=title,
        retryable=not given_up,
        causes=[Cause(message=_ending(failure), evidence=failure.evidence)],
        remediation=[*_suggested(failure), *advise(failure, name)],
    )
    return problem.details


def _ending(failure: Failure) -> str:
    if failure.signal is not None:
        killed = (
            " (SIGKILL: often the system's out-of-memory killer)" if failure.signal == 9 else ""
        )
        return f"The engine was ended by signal {failure.signal}{killed}."
    if failure.exit_code is not None:
        return f"The engine exited with code {failure.exit_code}."
    return failure.detail


def _logs(name: str) -> Remedy:
    return Remedy(
        label="Read the logs", action="open", arguments={"path": f"/deployments/{name}?tab=logs"}
    )


def _try_again(_failure: Failure, name: str) -> list[Remedy]:
    return [_RESTART, _logs(name)]


def _suggested(failure: Failure) -> list[Remedy]:
    """Return the button for a setting that is known to work, if the replica found one."""
    if failure.suggestion is None:
        return []
    argument, value = failure.suggestion
    return [
        Remedy(
            label=f"Set {argument} to {value} and retry",
            action="set_argument",
            arguments={"name": argument, "value": value},
        )
    ]


def _shorten_context(failure: Failure, name: str) -> list[Remedy]:
    if failure.suggestion is not None:
        return [_logs(name)]
    return [Remedy(label="Set a smaller max_model_len"), _logs(name)]


def _spare_memory(_failure: Failure, name: str) -> list[Remedy]:
    return [
        Remedy(label="Set a smaller max_model_len, or more GPUs per replica"),
        _RESTART,
        _logs(name),
    ]


def _fix_arguments(_failure: Failure, name: str) -> list[Remedy]:
    path = f"/deployments/{name}?tab=config"
    return [
        Remedy(label="Change the arguments", action="open", arguments={"path": path}),
        _logs(name),
    ]


def _find_room(_failure: Failure, name: str) -> list[Remedy]:
    path = f"/deployments/{name}?tab=config"
    return [
        Remedy(label="Reserve less, or stop another deployment"),
        Remedy(label="Change the resources", action="open", arguments={"path": path}),
    ]


def _set_up(_failure: Failure, _name: str) -> list[Remedy]:
    return [Remedy(label="Run `vllm-manager doctor` on that node"), _RESTART]


_KNOWN: Final[dict[str, tuple[str, Callable[[Failure, str], list[Remedy]]]]] = {
    "kv_cache_too_small": ("The context does not fit", _shorten_context),
    "out_of_memory": ("Out of memory", _spare_memory),
    "bad_argument": ("The engine refused an argument", _fix_arguments),
    "model_not_found": ("The model was not found", _fix_arguments),
    "unsupported_model": ("This vLLM can't run the model", _fix_arguments),
    "engine_missing": ("The engine is not installed", _set_up),
    "placement_timeout": ("No node has room", _find_room),
    "start_timeout": ("The start took too long", _try_again),
    "engine_hung": ("The engine stopped generating", _try_again),
    "replica_lost": ("A replica was lost", _try_again),
}
