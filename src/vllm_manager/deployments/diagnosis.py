"""From a failure to a problem: what happened, the line that proves it, what mends it (pure)."""

from typing import Any, Final

from vllm_manager.deployments.circumstances import Circumstances, Neighbour
from vllm_manager.deployments.known_failures import FAILURES, Known, Way
from vllm_manager.deployments.observed import Failure
from vllm_manager.deployments.offers import Offer, offers
from vllm_manager.kit.errors import Cause, Problem, ProblemDetails, Remedy

_GIB: Final = 1024**3
_MOST_STOPS: Final = 3
_RESTART: Final = Remedy(label="Restart", action="restart")
_TOKEN: Final = Remedy(
    label="Set a Hugging Face token", action="set_token", arguments={"scope": "installation"}
)
_UNKNOWN: Final = Known("The engine stopped", "retry")
_NOTHING_KNOWN: Final = Circumstances()


def explain(
    failure: Failure,
    name: str,
    around: Circumstances = _NOTHING_KNOWN,
    *,
    given_up: bool,
    failures: int,
) -> ProblemDetails:
    """Return the problem that a person sees for a failure of deployment `name`."""
    if failure.problem is not None:
        return _with_buttons(failure.problem, name)
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
        causes=[*_causes(failure), *_estimate(known.way, around)],
        remediation=[
            *map(_setting, offers(failure, known.way, around)),
            *_ways(known.way, failure, name, around),
        ],
    )
    return problem.details


def _with_buttons(problem: ProblemDetails, name: str) -> ProblemDetails:
    """Return a problem of somebody else's with something that can be done about the deployment."""
    if any(remedy.action != "none" for remedy in problem.remediation):
        return problem
    more = [_change("Change the deployment", name), _RESTART]
    return problem.model_copy(update={"remediation": [*problem.remediation, *more]})


def _causes(failure: Failure) -> list[Cause]:
    causes = [Cause(message=_ending(failure), evidence=failure.evidence)]
    if failure.tail is not None:
        causes.append(Cause(message="The engine's last lines:", evidence=failure.tail))
    return causes


def _estimate(way: Way, around: Circumstances) -> list[Cause]:
    """Tell what was estimated when it was started, and who else is on the node."""
    if way not in ("context", "memory"):
        return []
    causes: list[Cause] = []
    device = next(iter(around.estimate.devices), None) if around.estimate is not None else None
    if device is not None and device.needed_bytes and device.total_bytes and device.free_bytes:
        where = "the machine" if device.kind == "cpu" else f"a GPU ({device.name or 'not named'})"
        weights = f", {_gib(around.weights_bytes)} of it weights" if around.weights_bytes else ""
        told = (
            f"When it was started it was estimated to need {_gib(device.needed_bytes)}{weights}, "
            f"of the {_gib(device.total_bytes)} of {where}; {_gib(device.free_bytes)} were free."
        )
        causes.append(Cause(message=told))
    near = [neighbour.name for neighbour in around.neighbours if neighbour.is_on_same_node]
    if near:
        causes.append(Cause(message=f"On the same node as well: {', '.join(near)}."))
    return causes


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / _GIB:.1f} GiB"


def _ending(failure: Failure) -> str:
    if failure.signal is not None:
        killed = ""
        if failure.signal == 9 and failure.code not in ("was_killed", "host_out_of_memory"):
            killed = " (SIGKILL: often the system's out-of-memory killer)"
        return f"The engine was ended by signal {failure.signal}{killed}."
    if failure.exit_code is not None:
        return f"The engine exited with code {failure.exit_code}."
    return failure.detail


def _setting(offer: Offer) -> Remedy:
    arguments: dict[str, Any] = {"name": offer.name, "value": offer.value}
    if offer.also:
        arguments["also"] = dict(offer.also)
    return Remedy(label=offer.label, action="set_argument", arguments=arguments)


def _open(label: str, path: str) -> Remedy:
    return Remedy(label=label, action="open", arguments={"path": path})


def _change(label: str, name: str) -> Remedy:
    return _open(label, f"/deployments/{name}?tab=config")


def _ways(way: Way, failure: Failure, name: str, around: Circumstances) -> list[Remedy]:
    logs = _open("Read the logs", f"/deployments/{name}?tab=logs")
    change = _change("Change the arguments", name)
    stops = _stops(way, failure, around)
    advice: dict[Way, list[Remedy]] = {
        "arguments": [change, logs],
        "context": [_change("Set a smaller max_model_len", name), logs],
        "memory": [
            *stops,
            _change("Set a smaller max_model_len, or more GPUs per replica", name),
            _RESTART,
            logs,
        ],
        "files": [_refetch(around), _RESTART, logs],
        "token": [_TOKEN, _RESTART, logs],
        "hub": [_download(around), _RESTART, logs],
        "node": [Remedy(label="Run `vllm-manager doctor` on that node"), _RESTART, logs],
        "room": [*stops, _change("Reserve less", name), _RESTART],
        "retry": [_RESTART, logs],
        "model": [change, _open("Choose another model", "/models"), logs],
        "gpu": [_open("Look at the GPUs", "/cluster"), _RESTART, logs],
    }
    return advice[way]


def _refetch(around: Circumstances) -> Remedy:
    if around.model_id is None:
        return _open("Verify or import the model again", "/library")
    arguments = {"model_id": around.model_id}
    return Remedy(label="Fetch damaged files again", action="refetch", arguments=arguments)


def _download(around: Circumstances) -> Remedy:
    if around.repo is None:
        return _open("Download the model first", "/models")
    arguments = {"repo": around.repo, "revision": around.revision or "main"}
    return Remedy(label="Download the model", action="download", arguments=arguments)


def _stops(way: Way, failure: Failure, around: Circumstances) -> list[Remedy]:
    """Offer to stop each neighbour whose end would give this deployment what it lacks."""
    return [
        Remedy(
            label=f"Stop {neighbour.name}, then start this again",
            action="stop",
            arguments={"name": neighbour.name},
        )
        for neighbour in around.neighbours
        if way == "room" or _holds_its_memory(neighbour, failure, around)
    ][:_MOST_STOPS]


def _holds_its_memory(neighbour: Neighbour, failure: Failure, around: Circumstances) -> bool:
    """Whether a neighbour holds memory of the same kind: of the same GPU, else of the same host."""
    if around.has_gpus and failure.code != "host_out_of_memory":
        return neighbour.shares_gpu
    return neighbour.is_on_same_node
