"""What is known around a failure: the model's files, the estimate, nodes, neighbours (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from vllm_manager.configs import Resources
from vllm_manager.configs.fit import FitReport
from vllm_manager.deployments.models import needs_folder
from vllm_manager.deployments.observed import Report
from vllm_manager.deployments.tables import DeploymentRow

_GONE = ("stopped", "failed")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another deployment with living engines."""

    name: str
    is_on_same_node: bool
    shares_gpu: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """None: not known."""

    repo: str | None = None
    """The model's name on the Hub; None where it is not from there."""
    revision: str | None = None
    model_id: str | None = None
    """What the library calls the files that the engine read, where they can be fetched again."""
    estimate: FitReport | None = None
    """What was said of its memory when it was last created, changed or started."""
    weights_bytes: int | None = None
    """On one device: as the engine measured them, else as estimated."""
    resources: Resources = field(default_factory=Resources)
    most_gpus: float | None = None
    """How many GPUs the largest node has."""
    has_gpus: bool = False
    """Whether the failed engine was given any."""
    neighbours: tuple[Neighbour, ...] = ()


def circumstances(
    row: DeploymentRow, reports: Mapping[str, Sequence[Report]], most_gpus: float | None
) -> Circumstances:
    """Return what surrounds a failure of `row`; `reports` are of every deployment, by name."""
    estimate = None if row.estimate is None else FitReport.model_validate(row.estimate)
    own = reports.get(row.name, ())
    model = str(row.spec["model"])
    is_of_hub = needs_folder(model) and not model.startswith("local/")
    return Circumstances(
        repo=model if is_of_hub else None,
        revision=row.spec["revision"] if is_of_hub else None,
        model_id=_model_id((row.applied or {}).get("folder")) if is_of_hub else None,
        estimate=estimate,
        weights_bytes=(row.measured or {}).get("weights_bytes") or _estimated_weights(estimate),
        resources=Resources.model_validate(row.spec["resources"]),
        most_gpus=most_gpus,
        has_gpus=any(report.gpus for report in own),
        neighbours=_neighbours(own, {n: r for n, r in reports.items() if n != row.name}),
    )


def _model_id(folder: str | None) -> str | None:
    """Return the id of a folder of the store: `models--org--name/snapshots/<commit>`."""
    if folder is None:
        return None
    path = PurePath(folder)
    name = path.parent.parent.name
    return f"{name.removeprefix('models--')}@{path.name}" if name.startswith("models--") else None


def _estimated_weights(estimate: FitReport | None) -> int | None:
    return estimate.devices[0].weights_bytes if estimate is not None and estimate.devices else None


def _neighbours(
    own: Sequence[Report], others: Mapping[str, Sequence[Report]]
) -> tuple[Neighbour, ...]:
    nodes = frozenset(_node(report) for report in own) - {None}
    gpus = frozenset(gpu for report in own for gpu in _gpus(report))
    found: list[Neighbour] = []
    for name, reports in sorted(others.items()):
        alive = [report for report in reports if report.phase not in _GONE]
        if alive:
            same = any(_node(report) in nodes for report in alive)
            shared = any(gpu in gpus for report in alive for gpu in _gpus(report))
            found.append(Neighbour(name, same, shared))
    return tuple(found)


def _node(report: Report) -> str | None:
    return report.node_id or report.hostname


def _gpus(report: Report) -> Sequence[tuple[str | None, int | str | None]]:
    """Return the GPUs of a report: by their own id, else by their number on their node."""
    return [(_node(report), gpu.uuid or gpu.index) for gpu in report.gpus or ()]
