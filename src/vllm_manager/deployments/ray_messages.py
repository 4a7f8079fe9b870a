"""What Ray and Ray Serve say of a replica that does not come up, and what it means (pure)."""

import json
import re
from collections.abc import Sequence
from typing import Final, cast

from vllm_manager.deployments.observed import Failure

_RESOURCES: Final = re.compile(
    r"Resources required for each replica: (?P<need>\{.*?\}|\[.*?\]), total resources available: "
    r"(?P<have>\{.*?\})"
)
_OURS: Final = re.compile(r"RuntimeError: (?P<code>[a-z][a-z_]{3,40}): (?P<detail>.+)")

_MESSAGES: Final[tuple[tuple[str, re.Pattern[str], str], ...]] = (
    (
        "host_out_of_memory",
        re.compile(
            r"running low on memory|exceeds the memory usage threshold|OutOfMemoryError: Task was "
            r"killed|"
            r"SIGKILL by OOM killer due to high memory"
        ),
        "Ray ended the replica because its node ran low on memory. Free memory there, or ask for "
        "less.",
    ),
    (
        "node_lost",
        re.compile(
            r"its node has died|NodeDiedError|"
            r"node .* (?:was|is) (?:dead|marked dead|terminated)"
        ),
        "The replica's node was lost: it is off, cut off from the network, or its Ray ended. The "
        "replica "
        "is placed elsewhere; look at the node.",
    ),
    (
        "ray_head_lost",
        re.compile(
            r"[Ff]ailed to connect to GCS|GCS .*(?:unavailable|not responding)|RpcError.*gcs"
        ),
        "The replica lost Ray's head. It is started again; what is wanted is applied anew.",
    ),
    (
        "ray_version_mismatch",
        re.compile(
            r"Version mismatch: The cluster was started with|"
            r"Ray: [\d.]+\s+Python: [\d.]+.*This process"
        ),
        "A node runs another version of Ray or Python than the head. Install the same engine "
        "environment on every node.",
    ),
    (
        "ray_token_rejected",
        re.compile(r"InvalidAuthToken|[Uu]nauthenticated.*token|authentication token"),
        "Ray refuses the token of this installation: the cluster was started with another one. "
        "Give "
        "every node the file in `secrets/ray_token`.",
    ),
    (
        "runtime_environment_failed",
        re.compile(r"RuntimeEnvSetupError|[Ff]ailed to (?:create|set ?up) runtime env"),
        "Ray could not prepare the replica's runtime environment on its node; the line says why.",
    ),
    (
        "engine_package_missing",
        re.compile(r"No module named '?vllm_manager_engine"),
        "The node's engine environment lacks our own package. Run the set-up there again, in the "
        "same "
        "version as here.",
    ),
    (
        "engine_package_differs",
        re.compile(
            r"cannot import name .* from 'vllm_manager_engine|"
            r"TypeError: .*__init__\(\) got an unexpected keyword"
        ),
        "The node's engine package is of another version than this manager. Run the set-up there "
        "again.",
    ),
    (
        "replica_killed",
        re.compile(
            r"The actor (?:died unexpectedly|is dead because its worker process has died)|"
            r"ActorDiedError"
        ),
        "The replica's own process ended without a word: it was killed, or crashed. It is started "
        "again.",
    ),
)


def understood(lines: Sequence[str]) -> Failure | None:
    """Return the failure that Ray's message tells of, or None where it is not known."""
    for line in lines:
        ours = _OURS.search(line)
        if ours is not None:  # the replica's own words, where its report was lost
            return Failure(ours["code"], ours["detail"], line)
    text = "\n".join(lines)
    found = _RESOURCES.search(text)
    if found is not None:
        return _no_room(found["need"], found["have"], next(x for x in lines if "Resources" in x))
    for code, pattern, detail in _MESSAGES:
        for line in lines:
            if pattern.search(line):
                return Failure(code, detail, line)
    return None


def _no_room(need: str, have: str, line: str) -> Failure:
    """Say which resource is short, and by how much."""
    asked, there = _amounts(need), _amounts(have)
    short = [
        f"{amount:g} {name} are asked for, {there.get(name, 0.0):g} are free"
        for name, amount in asked.items()
        if amount > there.get(name, 0.0)
    ]
    told = "; ".join(short) or "each part is there, but not on one node"
    detail = (
        f"No node has room for the replica: {told}. Reserve less, stop another deployment, or add "
        f"a "
        "node."
    )
    return Failure("placement_impossible", detail, line)


def _amounts(text: str) -> dict[str, float]:
    try:
        found: object = json.loads(text.replace("'", '"'))
    except ValueError:
        return {}
    bundles = cast("list[dict[str, float]]", found if isinstance(found, list) else [found])
    total: dict[str, float] = {}
    for bundle in bundles:
        for name, amount in bundle.items():
            total[name] = total.get(name, 0.0) + float(amount)
    return total
