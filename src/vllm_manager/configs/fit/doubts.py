"""What keeps an estimate from being an answer: memory that can't be seen, slices that differ.

Pure but for the addresses of this machine.
"""

import socket
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import psutil

from vllm_manager.cluster import ClusterNode
from vllm_manager.configs.fit.advice import Question
from vllm_manager.configs.fit.estimate import Estimate
from vllm_manager.configs.fit.schemas import FitRequest

_NAMED = 3
_HERE = {"fits": " On this machine it would fit.", "tight": " On this machine it would be tight."}


def here() -> frozenset[str]:
    """Return this machine's addresses and its name, by which Ray may know it. Blocks shortly."""
    found = {entry.address for entries in psutil.net_if_addrs().values() for entry in entries}
    return frozenset({*found, "127.0.0.1", "::1", socket.gethostname()})


@dataclass(frozen=True, slots=True)
class Others:
    """Other machines that Ray may place a replica on, and whether it may be this one as well."""

    names: Sequence[str] = ()
    or_here: bool = True


NOWHERE: Final = Others()


def elsewhere(
    question: FitRequest, nodes: Sequence[ClusterNode] | None, here: Collection[str]
) -> Others:
    """Return where else a replica may come to run; nowhere, where the nodes are not known."""
    alive = [node for node in nodes or () if node.state == "alive"]
    resources, gpus = question.resources, _gpus(question, alive)
    able = [
        node
        for node in alive
        if (node.gpus is None or node.gpus >= gpus)
        and (node.cpus is None or node.cpus >= resources.cpus)
    ]
    others = [n for n in able if n.ip not in here and (n.hostname or "") not in here]
    names = [node.hostname or node.ip or node.id for node in others]
    return Others(names, or_here=not names or len(able) > len(names))


def _gpus(question: FitRequest, alive: Sequence[ClusterNode]) -> int:
    """Return how many GPUs a replica will ask for, as a deployment's launch does."""
    resources = question.resources
    if resources.gpus is not None:
        return resources.gpus
    parallel = resources.tensor_parallel_size * resources.pipeline_parallel_size
    return parallel if any(node.gpus for node in alive) else 0


def doubted(asked: Question, found: Estimate, others: Others) -> Estimate:
    """Return the estimate, as `unknown` where it would promise or refuse too much."""
    if asked.machine.imagined:
        return found
    if not others.or_here:
        found = replace(found, filled=())  # this machine's memory is not what it will be put into
    doubts = [doubt for doubt in (_of_nodes(found, others), _of_slices(asked, found)) if doubt]
    if not doubts:
        return found
    unknowns = tuple(dict.fromkeys((*found.unknowns, *doubts)))
    return replace(found, verdict="unknown", unknowns=unknowns)


def _of_nodes(found: Estimate, others: Others) -> str | None:
    names = others.names
    if not names:
        return None
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    told = f"Ray may place it on {', '.join(names[:_NAMED])}{more}, whose free memory can't be read"
    here = _HERE.get(found.verdict, "") if others.or_here else ""
    return f"{told} from this machine.{here}"


def _of_slices(asked: Question, found: Estimate) -> str | None:
    machine, settings = asked.machine, asked.settings
    if not machine.is_split:
        return None
    world = settings.tensor_parallel_size * settings.pipeline_parallel_size
    if world > 1:
        return (
            f"{world} workers would need whole GPUs: MIG slices can't exchange data as tensor and "
            "pipeline parallelism need it. Set both to 1, or switch MIG off."
        )
    turned = replace(asked, machine=replace(machine, devices=machine.devices[::-1]))
    least = turned.answer().verdict
    if least == found.verdict:
        return None
    return (
        f"The engine is given one of {len(machine.devices)} MIG slices, and which one is not known "
        f"before. With the most free memory it is judged “{_plain(found.verdict)}”, with the least "
        f"“{_plain(least)}”."
    )


def _plain(verdict: str) -> str:
    return verdict.replace("_", " ")
